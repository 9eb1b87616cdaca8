//! stub
use crate::Error;
use alloc::vec::Vec;
/// stub
#[derive(Clone, Debug)]
pub struct Unfold;
#[allow(missing_docs, clippy::all, unused)]
impl Unfold {
    pub fn new(channels: usize, spatial: &[usize], kernel: &[usize]) -> Result<Self, Error> {
        todo!()
    }
    pub fn strides(self, s: &[usize]) -> Result<Self, Error> {
        todo!()
    }
    pub fn dilations(self, s: &[usize]) -> Result<Self, Error> {
        todo!()
    }
    pub fn padding(self, s: &[usize], e: &[usize]) -> Result<Self, Error> {
        todo!()
    }
    pub fn groups(self, n: usize) -> Result<Self, Error> {
        todo!()
    }
    pub fn positions(&self) -> usize {
        todo!()
    }
    pub fn columns(&self) -> usize {
        todo!()
    }
    pub fn rows_at(
        &self,
        image: &[f32],
        group: usize,
        at: impl Iterator<Item = usize>,
        rows: &mut Vec<f32>,
    ) -> Result<(), Error> {
        todo!()
    }
}
