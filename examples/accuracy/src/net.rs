//! A network with the parameters of a model.
//!
//! A batch norm is folded into the layer with weights before it. Sizes are checked here, once, so that the layers themselves need no
//! checks.

use anyhow::{Context, Result, bail, ensure};
use ternarize::model::{Model, Tensor};
use ternarize::quantize::calibrate::BatchNorm;

use crate::description::{Description, Step};
use crate::layer::{Layer, Matrix, Operation, Unfold, Volume};

/// A network with its weights.
pub(crate) struct Network {
    pub(crate) input: Volume,
    /// The brightest pixel.
    pub(crate) white: f32,
    pub(crate) layers: Vec<Layer>,
}

impl Network {
    /// The network that `json` describes, with the parameters of a model.
    pub(crate) fn new(json: &str, model: &Model) -> Result<Self> {
        let description: Description = serde_json::from_str(json)?;
        let [channels, rows, columns] = description.input;
        let input = Volume {
            channels,
            rows,
            columns,
        };
        ensure!(input.len() > 0, "an input without pixels");
        let mut network = Self {
            input,
            white: description.scale,
            layers: Vec::new(),
        };
        for (number, step) in description.layers.iter().enumerate() {
            let name = step.name();
            let result = network.push(step, model);
            result.with_context(|| format!("layer {number}, {name}"))?;
        }
        ensure!(
            network.matrices().next().is_some(),
            "a network without weights"
        );
        Ok(network)
    }

    /// The layers with weights.
    pub(crate) fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        self.layers.iter().filter_map(Layer::matrix)
    }

    /// How many weights there are, biases not counted.
    pub(crate) fn weights(&self) -> usize {
        self.matrices().map(|matrix| matrix.weights.len()).sum()
    }

    /// How many scores come out.
    pub(crate) fn classes(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.output.len())
    }

    fn push(&mut self, step: &Step, model: &Model) -> Result<()> {
        let input = self.layers.last().map_or(self.input, |layer| layer.output);
        let (operation, output) = match step {
            Step::Conv { name, .. } => {
                let unfold = step.unfold(input)?;
                let columns = input.channels * unfold.kernel * unfold.kernel;
                let matrix = matrix(model, name, columns, Some(unfold))?;
                let output = Volume {
                    channels: matrix.rows,
                    ..unfold.output
                };
                (Operation::Matrix(matrix), output)
            }
            Step::Linear { name } => {
                let matrix = matrix(model, name, input.len(), None)?;
                let output = Volume::line(matrix.rows);
                (Operation::Matrix(matrix), output)
            }
            Step::BatchNorm { name, epsilon } => return self.fold(model, name, *epsilon),
            Step::Relu => (Operation::Relu, input),
            Step::MaxPool { size } => (Operation::MaxPool(*size), input.pooled(*size)?),
            Step::AvgPool { size } => (Operation::AveragePool(*size), input.pooled(*size)?),
            Step::Flatten => (Operation::Flatten, Volume::line(input.len())),
        };
        self.layers.push(Layer {
            operation,
            input,
            output,
        });
        Ok(())
    }

    /// Folds a batch norm into the weights before it.
    fn fold(&mut self, model: &Model, name: &str, epsilon: f64) -> Result<()> {
        let Some(Operation::Matrix(matrix)) =
            self.layers.last_mut().map(|layer| &mut layer.operation)
        else {
            bail!("a batch norm must follow a layer with weights");
        };
        let get = |part: &str| Ok::<_, anyhow::Error>(floats(model, &format!("{name}.{part}"))?.1);
        let (weight, bias) = (get("weight")?, get("bias")?);
        let norm = BatchNorm {
            weight: &weight,
            bias: &bias,
            epsilon,
        };
        let affine = norm.fold(&get("running_mean")?, &get("running_var")?)?;
        ensure!(
            affine.len() == matrix.rows,
            "{} channels behind {} outputs",
            affine.len(),
            matrix.rows
        );
        matrix.fold(&affine);
        Ok(())
    }
}

/// A weight matrix of so many columns, and its bias if it has one.
fn matrix(model: &Model, name: &str, columns: usize, unfold: Option<Unfold>) -> Result<Matrix> {
    let (shape, weights) = floats(model, &format!("{name}.weight"))?;
    let rows = shape.first().copied().unwrap_or(0);
    let expected: Vec<usize> = match unfold {
        Some(unfold) => {
            let Unfold { input, kernel, .. } = unfold;
            vec![rows, input.channels, kernel, kernel]
        }
        None => vec![rows, columns],
    };
    ensure!(
        shape == expected && !weights.is_empty(),
        "{name}.weight is {shape:?}, where {expected:?} is needed"
    );
    let mut bias = Vec::new();
    let of_bias = format!("{name}.bias");
    if model.get(&of_bias).is_some() {
        let shape;
        (shape, bias) = floats(model, &of_bias)?;
        ensure!(
            shape == [rows],
            "{of_bias} is {shape:?}, where [{rows}] is needed"
        );
    }
    Ok(Matrix {
        name: name.to_owned(),
        rows,
        columns,
        weights,
        bias,
        unfold,
    })
}

fn floats(model: &Model, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
    let Some(Tensor::Dense(dense)) = model.get(name) else {
        bail!("the model has no {name}");
    };
    let values = dense.values();
    let values = values.with_context(|| format!("{name} is {}, not F32", dense.dtype()))?;
    Ok((dense.shape().to_vec(), values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ternarize::model::DenseTensor;

    const NETS: [&str; 3] = [
        include_str!("../nets/digits.json"),
        include_str!("../nets/lenet5_mnist.json"),
        include_str!("../nets/lenet_tnt_mnist.json"),
    ];

    fn model(tensors: &[(&str, &[usize], &[f32])]) -> Model {
        let mut model = Model::new();
        for (name, shape, values) in tensors {
            let dense = DenseTensor::new(shape, values).unwrap();
            model.insert(*name, Tensor::Dense(dense));
        }
        model
    }

    fn small() -> Model {
        model(&[
            ("c.weight", &[2, 1, 2, 2], &[1.0; 8]),
            ("c.bias", &[2], &[0.5, -0.5]),
            ("n.weight", &[2], &[2.0, 1.0]),
            ("n.bias", &[2], &[0.0, 1.0]),
            ("n.running_mean", &[2], &[1.5, 0.0]),
            ("n.running_var", &[2], &[4.0, 1.0]),
            ("f.weight", &[1, 8], &[1.0; 8]),
            ("f.bias", &[1], &[0.0]),
            ("bare.weight", &[2, 1, 2, 2], &[1.0; 8]),
            ("odd.weight", &[1, 9], &[1.0; 9]),
            ("odd.bias", &[2], &[0.0; 2]),
        ])
    }

    /// Layers behind an input of 3 x 3 pixels.
    fn network(layers: &str) -> Result<Network> {
        Network::new(
            &format!(r#"{{"input": [1, 3, 3], "layers": [{layers}]}}"#),
            &small(),
        )
    }

    fn message(layers: &str) -> String {
        format!("{:#}", network(layers).err().unwrap())
    }

    const CONV: &str = r#"{"type": "conv", "name": "c", "kernel": 2}"#;

    #[test]
    fn descriptions_in_the_folder_are_read() {
        for json in NETS {
            let description: Description = serde_json::from_str(json).unwrap();
            assert!(description.layers.len() > 8);
        }
    }

    #[test]
    fn layers_fit_together() {
        let linear = r#"{"type": "linear", "name": "f"}"#;
        let network = network(&format!(r#"{CONV}, {{"type": "flatten"}}, {linear}"#)).unwrap();
        assert_eq!((network.weights(), network.classes()), (16, 1));
        let mut values = vec![1.0; 9];
        for layer in &network.layers {
            values = layer.run(&values, None);
        }
        // Four places of 4 + 0.5, and four of 4 - 0.5.
        assert_eq!(values, [32.0]);
    }

    #[test]
    fn a_batch_norm_is_folded() {
        let norm = r#"{"type": "batchnorm", "name": "n", "epsilon": 0}"#;
        let network = network(&format!("{CONV}, {norm}")).unwrap();
        // 2 (4.5 - 1.5) / 2, and 3.5 + 1.
        let outputs = network.layers[0].run(&[1.0; 9], None);
        assert_eq!(outputs, [3.0, 3.0, 3.0, 3.0, 4.5, 4.5, 4.5, 4.5]);
        let alone = message(&format!(r#"{{"type": "relu"}}, {norm}"#));
        assert_eq!(
            alone,
            "layer 1, n: a batch norm must follow a layer with weights"
        );
    }

    #[test]
    fn a_layer_may_have_no_bias() {
        let bare = r#"{"type": "conv", "name": "bare", "kernel": 2}"#;
        let alone = network(bare).unwrap();
        assert_eq!(alone.layers[0].run(&[1.0; 9], None), [4.0; 8]);
        assert!(alone.matrices().all(|matrix| matrix.bias.is_empty()));
        let norm = r#"{"type": "batchnorm", "name": "n", "epsilon": 0}"#;
        let folded = network(&format!("{bare}, {norm}")).unwrap();
        // 2 (4 - 1.5) / 2, and 4 + 1.
        let outputs = folded.layers[0].run(&[1.0; 9], None);
        assert_eq!(outputs, [2.5, 2.5, 2.5, 2.5, 5.0, 5.0, 5.0, 5.0]);
    }

    #[test]
    fn mistakes_name_the_layer() {
        for (layers, expected) in [
            (
                r#"{"type": "linear", "name": "f"}"#,
                "layer 0, f: f.weight is [1, 8], where [1, 9] is needed",
            ),
            (
                r#"{"type": "linear", "name": "g"}"#,
                "layer 0, g: the model has no g.weight",
            ),
            (
                r#"{"type": "linear", "name": "odd"}"#,
                "layer 0, odd: odd.bias is [2], where [1] is needed",
            ),
            (
                r#"{"type": "maxpool", "size": 4}"#,
                "layer 0, maxpool: pools of 4 in 3 x 3 pixels",
            ),
            (
                r#"{"type": "conv", "name": "c", "kernel": 4}"#,
                "layer 0, c: a kernel of 4 on 3 pixels",
            ),
            (
                r#"{"type": "conv", "name": "c", "kernel": 0}"#,
                "layer 0, c: a kernel or a stride of zero",
            ),
            (
                r#"{"type": "conv", "name": "c", "kernel": 2, "padding": 2}"#,
                "layer 0, c: a padding as large as the kernel",
            ),
            (r#"{"type": "relu"}"#, "a network without weights"),
        ] {
            assert_eq!(message(layers), expected);
        }
        assert!(message(r#"{"type": "softmax"}"#).contains("unknown variant `softmax`"));
        assert!(message(r#"{"type": "conv", "name": "c"}"#).contains("missing field `kernel`"));
    }
}
