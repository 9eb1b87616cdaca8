//! Targets with the portable backend only.

use super::Job;
use super::tiles::TileJob;

machine!(|_token, _job| _job, _job;);
