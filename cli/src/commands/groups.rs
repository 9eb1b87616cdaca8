//! A ternary tensor and its weights, group by group.

use anyhow::{Result, bail};
use ternarize::tensor::TernaryTensor;
use ternarize::{Ternarizer, Weight};

use crate::method::Method;

/// An order of the weights in which each group is in one piece, and within a group as in the tensor.
pub(super) struct Order {
    /// Where each group starts, and the end.
    starts: Vec<usize>,
    /// Whether it is the order of the tensor.
    is_own: bool,
}

impl Order {
    pub(super) fn of(tensor: &TernaryTensor) -> Result<Self> {
        let count = tensor.grouping().count(tensor.shape())?;
        let mut starts = vec![0; count + 1];
        let (mut is_own, mut last) = (true, 0);
        for (run, group) in tensor.runs(0..tensor.shape().len())? {
            starts[group + 1] += run.len();
            is_own &= group >= last;
            last = group;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        Ok(Self { starts, is_own })
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Moves the elements of a tensor into this order.
    pub(super) fn gather<T: Copy>(
        &self,
        tensor: &TernaryTensor,
        elements: Vec<T>,
    ) -> Result<Vec<T>> {
        let mut moved = match elements.first() {
            Some(&first) if !self.is_own => vec![first; elements.len()],
            _ => return Ok(elements),
        };
        let mut next = self.starts.clone();
        for (run, group) in tensor.runs(0..elements.len())? {
            let place = next[group];
            next[group] += run.len();
            moved[place..place + run.len()].copy_from_slice(&elements[run]);
        }
        Ok(moved)
    }

    pub(super) fn of_group<'a, T>(&self, elements: &'a [T], group: usize) -> &'a [T] {
        &elements[self.starts[group]..self.starts[group + 1]]
    }
}

/// The trits and the scales of a tensor, group by group.
pub(super) struct Decided<'a> {
    order: &'a Order,
    trits: Vec<i8>,
    lambda: [Vec<f64>; 2],
}

impl<'a> Decided<'a> {
    pub(super) fn of(tensor: &TernaryTensor, order: &'a Order) -> Result<Self> {
        let trits = tensor.trits().iter().collect();
        Ok(Self {
            order,
            trits: order.gather(tensor, trits)?,
            lambda: [tensor.lambda_p(), tensor.lambda_n()],
        })
    }

    pub(super) fn trits(&self, group: usize) -> &[i8] {
        self.order.of_group(&self.trits, group)
    }

    pub(super) fn scales(&self, group: usize) -> [f64; 2] {
        [0, 1].map(|sign: usize| self.lambda[sign][group])
    }

    /// Whether the group has these trits, and these scales of the signs that occur.
    pub(super) fn is(&self, group: usize, trits: &[i8], scales: [f64; 2]) -> bool {
        let own = self.scales(group);
        let same_scale = |sign: i8, place: usize| {
            !trits.contains(&sign) || own[place].to_bits() == scales[place].to_bits()
        };
        self.trits(group) == trits && same_scale(1, 0) && same_scale(-1, 1)
    }

    pub(super) fn must_be(
        &self,
        group: usize,
        trits: &[i8],
        scales: [f64; 2],
        method: &Method,
    ) -> Result<()> {
        if !self.is(group, trits, scales) {
            let (count, rule) = (self.order.count(), method.rule.name());
            bail!(
                "group {group} of {count} is not the optimum of the rule {rule} without importances"
            );
        }
        Ok(())
    }

    /// Proves each group: makes a certificate, checks it without a search, and compares.
    pub(super) fn prove<W: Weight>(&self, values: &[W], method: &Method) -> Result<()> {
        let options = Ternarizer::new().rule(method.rule).scales(method.scales);
        for group in 0..self.order.count() {
            let weights = self.order.of_group(values, group);
            let (trits, fit, certificate) = options.certify(weights)?;
            if let Err(refusal) = certificate.check(weights, None, &trits, &fit) {
                bail!("the certificate of group {group} is refused: {refusal}");
            }
            let scales = [fit.lambda_p, fit.lambda_n].map(|scale| scale.to_f64().unwrap_or(0.0));
            self.must_be(group, &trits, scales, method)?;
        }
        Ok(())
    }

    /// Searches the optimum of each group among all trits and all values of the scale type.
    pub(super) fn search<W: Weight>(&self, values: &[W], method: &Method) -> Result<()> {
        for group in 0..self.order.count() {
            let weights = self.order.of_group(values, group);
            let (trits, fit) = method.scale_type.ternarize(method.rule, weights)?;
            self.must_be(group, &trits, [fit.lambda_p, fit.lambda_n], method)?;
        }
        Ok(())
    }
}
