//! Dense tensors of a model become ternary ones: one by name, or all matrices.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::info::float_type;
use super::{DenseTensor, Model, ModelError, Tensor};
use crate::Ternarizer;
use crate::tensor::{ErrorMetrics, Grouping, TernaryTensor};

impl Model {
    /// Ternarizes a dense tensor of floats in place, even if that takes more bytes. Returns the error metrics of the stored tensor.
    ///
    /// # Errors
    ///
    /// - [`ModelError::NoSuchTensor`];
    /// - [`ModelError::NotFloat`] for a tensor of integers or one that is ternary already;
    /// - [`ModelError::Tensor`] with the error of [`TernaryTensor::ternarize`].
    ///
    /// Then the model is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
    /// let mut model = Model::new();
    /// model.insert("w", Tensor::Dense(DenseTensor::new(&[2], &[3.0_f64, 4.0])?));
    /// let metrics = model.ternarize("w", Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(metrics.relative_error, 0.02);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn ternarize(
        &mut self,
        name: &str,
        grouping: Grouping,
        options: &Ternarizer<'_>,
    ) -> Result<ErrorMetrics, ModelError> {
        let dense = match self.get(name) {
            Some(Tensor::Dense(dense)) => dense,
            Some(Tensor::Ternary(_)) => return Err(ModelError::not_float(name, "ternary")),
            None => return Err(ModelError::no_such(name)),
        };
        let (ternary, metrics) = ternarized(name, dense, grouping, options)?;
        self.insert(name, Tensor::Ternary(ternary));
        Ok(metrics)
    }

    /// Ternarizes every dense tensor of two axes or more where that makes it smaller. Returns for each of their names the error metrics, or
    /// the reason why the tensor is left as it is:
    ///
    /// - [`ModelError::NotFloat`] for integers;
    /// - [`ModelError::NotSmaller`] if trits and scales would not take fewer bytes, as of 1x1 kernels with scales of their own;
    /// - [`ModelError::Tensor`] with the error of [`TernaryTensor::ternarize`], for an empty tensor, a weight that is not finite, as
    ///   in a mask, or too many axes.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoMatrix`] if none of these tensors holds floats.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
    /// let mut model = Model::new();
    /// model.insert("fc.bias", Tensor::Dense(DenseTensor::new(&[8], &[0.5_f32; 8])?));
    /// model.insert("fc.weight", Tensor::Dense(DenseTensor::new(&[1, 8], &[0.5_f32; 8])?));
    /// model.insert("mask", Tensor::Dense(DenseTensor::new(&[1, 2], &[0.0, f32::INFINITY])?));
    /// let found = model.ternarize_all(Grouping::Tensor, &Ternarizer::new())?;
    /// assert!(found["fc.weight"].is_ok() && found["mask"].is_err() && found.len() == 2);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn ternarize_all(
        &mut self,
        grouping: Grouping,
        options: &Ternarizer<'_>,
    ) -> Result<BTreeMap<String, Result<ErrorMetrics, ModelError>>, ModelError> {
        let (mut found, mut any) = (BTreeMap::new(), false);
        for (name, tensor) in &mut self.tensors {
            let dense = match tensor {
                Tensor::Dense(dense) if dense.shape().len() > 1 => dense,
                _ => continue,
            };
            any |= float_type(dense.dtype()).is_some();
            let bytes = dense.as_bytes().len();
            let made = ternarized(name, dense, grouping, options);
            let metrics = made.and_then(|(made, metrics)| match made.stored_bytes() {
                ternary if ternary >= bytes => Err(ModelError::NotSmaller {
                    tensor: name.clone(),
                    dense: bytes,
                    ternary,
                }),
                _ => {
                    *tensor = Tensor::Ternary(made);
                    Ok(metrics)
                }
            });
            found.insert(name.clone(), metrics);
        }
        any.then_some(found).ok_or(ModelError::NoMatrix)
    }
}

/// What a dense tensor of floats becomes.
fn ternarized(
    name: &str,
    dense: &DenseTensor,
    grouping: Grouping,
    options: &Ternarizer<'_>,
) -> Result<(TernaryTensor, ErrorMetrics), ModelError> {
    let weights = dense.floats();
    let weights = weights.ok_or_else(|| ModelError::not_float(name, dense.dtype()))?;
    let made = TernaryTensor::ternarize_floats(&weights, dense.shape(), grouping, options);
    made.map_err(|source| ModelError::Tensor {
        tensor: name.into(),
        source,
    })
}
