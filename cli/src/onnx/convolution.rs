//! The parameters of convolutions.

use anyhow::{Context as _, Result, bail, ensure};

use super::Node;

/// The parameters of a convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// How many groups of channels.
    pub groups: usize,
    /// Whether each input channel is a group of its own.
    pub depthwise: bool,
    /// The extents of the kernel.
    pub kernel: Vec<usize>,
    /// The stride in each dimension.
    pub strides: Vec<usize>,
    /// The dilation in each dimension.
    pub dilations: Vec<usize>,
    /// The padding before each dimension. Of no meaning unless `auto_pad` is [`AutoPad::NotSet`].
    pub begin: Vec<usize>,
    /// The padding after each dimension, likewise.
    pub end: Vec<usize>,
    /// How the padding follows from the input.
    pub auto_pad: AutoPad,
}

/// How the padding of a convolution follows from the extents of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoPad {
    /// It is given.
    NotSet,
    /// There is none.
    Valid,
    /// As much as makes `ceil(input / stride)` outputs; an odd one is at the end.
    SameUpper,
    /// The same, but an odd one is at the beginning.
    SameLower,
}

impl Convolution {
    /// Reads the attributes of a node with weights of this shape.
    pub(super) fn new(node: &Node, dims: &[usize]) -> Result<Self> {
        let [outputs, channels, kernel @ ..] = dims else {
            bail!("its weights are of shape {dims:?}");
        };
        let rank = kernel.len();
        ensure!(
            (1..=3).contains(&rank),
            "a convolution in {rank} dimensions"
        );
        let groups = usize::try_from(node.integer("group").unwrap_or(1)).unwrap_or(0);
        ensure!(
            groups > 0 && outputs.is_multiple_of(groups),
            "{outputs} channels in {groups} groups"
        );
        let mut begin = list(node, "pads", 0, 2 * rank)?;
        let auto_pad = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" => AutoPad::NotSet,
            "VALID" => AutoPad::Valid,
            "SAME_UPPER" => AutoPad::SameUpper,
            "SAME_LOWER" => AutoPad::SameLower,
            other => bail!("padding by `{}`", other.escape_debug()),
        };
        Ok(Self {
            groups,
            depthwise: groups > 1 && *channels == 1,
            kernel: kernel.into(),
            strides: list(node, "strides", 1, rank)?,
            dilations: list(node, "dilations", 1, rank)?,
            end: begin.split_off(rank),
            begin,
            auto_pad,
        })
    }
}

/// An attribute that is a list with one value for each dimension, or for each end of each.
fn list(node: &Node, name: &str, default: usize, count: usize) -> Result<Vec<usize>> {
    let Some(list) = node.integers(name) else {
        return Ok(vec![default; count]);
    };
    let found = list.len();
    ensure!(found == count, "{found} values of `{name}`, not {count}");
    let list: Result<_, _> = list.iter().map(|&value| value.try_into()).collect();
    list.with_context(|| format!("`{name}` is negative"))
}
