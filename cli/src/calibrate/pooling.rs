//! Which outputs of a layer count: before a max pooling only those that win.
//!
//! The pooling need not follow at once. Between it and the layer may be operations that change each number on its own, such as biases
//! and activation functions.

use std::collections::{BTreeMap, BTreeSet};

use crate::onnx::{Kind, Layer, Network, Node};

/// What may stand between a layer and its pooling.
const ELEMENTWISE: &[&str] = &[
    "Add",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Div",
    "Elu",
    "Erf",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Mish",
    "Mul",
    "PRelu",
    "Relu",
    "Selu",
    "Sigmoid",
    "Slice",
    "Softplus",
    "Squeeze",
    "Sub",
    "Tanh",
    "Unsqueeze",
];

/// A max pooling behind a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pooling {
    /// The value that is pooled.
    pub value: String,
    /// The windows: kernel, strides and padding in front; `None` if all positions are one window.
    windows: Option<[Vec<usize>; 3]>,
}

impl Pooling {
    /// The pooling behind a convolution, if all that is done with its output ends there.
    #[must_use]
    pub(super) fn behind(network: &Network, layer: &Layer) -> Option<Self> {
        if !matches!(layer.kind, Kind::Conv(_)) || !layer.also.is_empty() {
            return None;
        }
        let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, node) in network.nodes().iter().enumerate() {
            for input in node.inputs.iter().chain(&node.captured) {
                users.entry(input).or_default().push(number);
            }
        }
        let outputs: BTreeSet<String> = network
            .outputs()
            .ok()?
            .into_iter()
            .map(|output| output.name)
            .collect();
        let (mut open, mut seen, mut found) = (vec![layer.output.as_str()], BTreeSet::new(), None);
        while let Some(value) = open.pop() {
            if !seen.insert(value) {
                continue;
            }
            if outputs.contains(value) {
                return None;
            }
            for &user in users.get(value)? {
                let node = &network.nodes()[user];
                match node.op_type.as_str() {
                    "MaxPool" | "GlobalMaxPool" => {
                        if found.is_some_and(|other| other != user) {
                            return None;
                        }
                        found = Some(user);
                    }
                    operation if ELEMENTWISE.contains(&operation) => {
                        open.extend(node.outputs.iter().map(String::as_str));
                    }
                    _ => return None,
                }
            }
        }
        Self::of(&network.nodes()[found?])
    }

    fn of(node: &Node) -> Option<Self> {
        let value = node.inputs.first()?.clone();
        if node.op_type == "GlobalMaxPool" {
            return Some(Self {
                value,
                windows: None,
            });
        }
        let plain = |name| {
            node.integers(name)
                .is_none_or(|numbers| numbers.iter().all(|number| *number == 1))
        };
        let plain_padding = node
            .text("auto_pad")
            .is_none_or(|pad| matches!(pad, "NOTSET" | "VALID"));
        if !plain("dilations")
            || !plain_padding
            || node.integer("ceil_mode").is_some_and(|mode| mode != 0)
        {
            return None;
        }
        let sizes = |numbers: &[i64]| {
            numbers
                .iter()
                .map(|number| usize::try_from(*number).ok())
                .collect::<Option<Vec<_>>>()
        };
        let kernel = sizes(node.integers("kernel_shape")?)?;
        let strides = node
            .integers("strides")
            .map_or_else(|| Some(vec![1; kernel.len()]), sizes)?;
        let begin = node.integers("pads").map_or_else(
            || Some(vec![0; kernel.len()]),
            |pads| sizes(&pads[..pads.len() / 2]),
        )?;
        let alike = strides.len() == kernel.len() && begin.len() == kernel.len();
        (alike && strides.iter().all(|stride| *stride > 0)).then_some(Self {
            value,
            windows: Some([kernel, strides, begin]),
        })
    }

    /// For each sample and position of what is pooled, in how many channels it wins a window. `None` for extents that do not fit.
    #[must_use]
    pub(super) fn wins(&self, shape: &[usize], values: &[f32]) -> Option<Vec<f32>> {
        let [samples, channels, spatial @ ..] = shape else {
            return None;
        };
        let positions: usize = spatial.iter().product();
        let mut wins = vec![0.0; samples * positions];
        for (index, plane) in values.chunks_exact(positions.max(1)).enumerate() {
            let sample = index / channels;
            let wins = &mut wins[sample * positions..][..positions];
            match &self.windows {
                None => wins[winner(plane, 0..positions)?] += 1.0,
                Some([kernel, strides, begin]) if kernel.len() == spatial.len() => {
                    for window in windows(spatial, kernel, strides, begin) {
                        if let Some(winner) = winner(plane, window.into_iter()) {
                            wins[winner] += 1.0;
                        }
                    }
                }
                Some(_) => return None,
            }
        }
        Some(wins)
    }
}

/// The position of the largest value, the first of equals.
fn winner(plane: &[f32], positions: impl Iterator<Item = usize>) -> Option<usize> {
    positions.reduce(|best, position| {
        if plane[position] > plane[best] {
            position
        } else {
            best
        }
    })
}

/// The positions of each window that lies inside, as far as it does.
fn windows(
    spatial: &[usize],
    kernel: &[usize],
    strides: &[usize],
    begin: &[usize],
) -> Vec<Vec<usize>> {
    let mut windows = vec![vec![0]];
    for (axis, &extent) in spatial.iter().enumerate() {
        let padded = extent + 2 * begin[axis];
        let ranges: Vec<_> = (0..padded)
            .step_by(strides[axis])
            .take_while(|start| start + kernel[axis] <= padded)
            .map(|start| {
                start.saturating_sub(begin[axis])
                    ..(start + kernel[axis])
                        .saturating_sub(begin[axis])
                        .min(extent)
            })
            .collect();
        let longer = windows.iter().flat_map(|window| {
            ranges.iter().map(move |range| {
                let positions = window
                    .iter()
                    .flat_map(|position| range.clone().map(move |at| position * extent + at));
                positions.collect()
            })
        });
        windows = longer.collect();
    }
    windows
}
