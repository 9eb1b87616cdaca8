//! The moments of a layer's outputs, from the Gram matrix of its inputs.
//!
//! ```text
//! y  = w . x             the output of the original layer on the original network's inputs
//! y' = q . x'            the output of the quantized layer on the inputs that it sees
//!
//! variance of y   =  w^T X^T X w / weight            about the means, which are w . m and q . m'
//! variance of y'  =  q^T X'^T X' q / weight
//! covariance      =  w^T X^T X' q / weight
//! ```

use alloc::vec;
use alloc::vec::Vec;

use super::accumulate::Gram;
use super::metric::combine;
use super::row::dot;
use crate::quantize::calibrate::ChannelMoments;

impl Gram {
    /// The moments of the outputs of some rows of weights, `original` ones and as many `quantized` ones.
    pub(crate) fn output_moments(
        &self,
        original: &[Vec<f64>],
        quantized: &[Vec<f64>],
    ) -> Vec<ChannelMoments> {
        let weight = if self.weight > 0.0 { self.weight } else { 1.0 };
        let seen = self.symmetric(&self.seen.upper);
        let (own, cross, means) = match &self.original {
            Some(all) => (
                &self.symmetric(&all.own.upper),
                &self.lines(&all.cross).flatten().copied().collect(),
                all.own.means(self.inputs, weight),
            ),
            None => (&seen, &seen, self.means()),
        };
        let seen_means = self.means();
        let product = |matrix: &Vec<f64>, rows: &[Vec<f64>]| {
            let lines: Vec<&[f64]> = matrix.chunks_exact(self.inputs).collect();
            combine(&lines, rows)
        };
        // For each row M w.
        let (of_own, of_cross) = (product(own, original), product(cross, original));
        let of_seen = product(&seen, quantized);
        let rows = original.iter().zip(quantized).enumerate();
        rows.map(|(row, (w, q))| {
            let means = (dot(w, &means), dot(q, &seen_means));
            let about = |second: f64, product: f64| {
                second / weight - if self.centred { 0.0 } else { product }
            };
            ChannelMoments {
                means,
                variances: (
                    about(dot(w, &of_own[row]), means.0 * means.0).max(0.0),
                    about(dot(q, &of_seen[row]), means.1 * means.1).max(0.0),
                ),
                covariance: about(dot(q, &of_cross[row]), means.0 * means.1),
            }
        })
        .collect()
    }

    /// A whole symmetric matrix, without padding.
    fn symmetric(&self, upper: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.inputs * self.inputs];
        for (i, line) in self.lines(upper).enumerate() {
            for (j, &entry) in line.iter().enumerate().skip(i) {
                all[i * self.inputs + j] = entry;
                all[j * self.inputs + i] = entry;
            }
        }
        all
    }
}
