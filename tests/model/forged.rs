//! Files put together by hand: a ternary one, good at first, in which anything can be changed.

use serde_json::{Value, json};
use ternarize::model::{Model, ModelError};

/// A file of this header and data.
pub(crate) fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let len = (header.len() as u64).to_le_bytes();
    [&len, header.as_bytes(), data].concat()
}

/// A ternary file that can be changed before it is put together.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(crate) directory: Value,
    pub(crate) parts: Vec<(&'static str, &'static str, Vec<u8>)>,
    /// The first extent of the trits, or 0 if they have one axis.
    pub(crate) planes: usize,
}

impl Forged {
    /// A matrix `x` of 2 x 3 in two rows, with two scales each. It is a good one.
    pub(crate) fn new() -> Self {
        let entry = json!({
            "shape": [2, 3], "dtype": "F32", "grouping": "axis:0", "code": "2bit", "rule": "tnt"
        });
        let scales = |p: f32, n: f32| [p.to_le_bytes(), n.to_le_bytes()].concat();
        Self {
            directory: json!({"version": 1, "tensors": {"x": entry}}),
            parts: vec![
                ("x.trits", "U8", vec![0b00_01_10_10, 0b01_01_00_10]),
                ("x.lambda_p", "F32", scales(0.5, 2.0)),
                ("x.lambda_n", "F32", scales(0.25, 1.0)),
            ],
            planes: 0,
        }
    }

    /// The same shape in version 2: two planes with one f16 scale for each row, and a bias.
    pub(crate) fn of_planes() -> Self {
        let entry = json!({
            "shape": [2, 3], "grouping": "axis:0", "code": "2bit", "scales": "f16", "bias": true
        });
        let scales = [0x3800_u16, 0x4000, 0x3c00, 0x3400].map(u16::to_le_bytes);
        let bias = [1.0_f32, -1.0].map(f32::to_le_bytes);
        Self {
            directory: json!({"version": 2, "tensors": {"x": entry}}),
            parts: vec![
                (
                    "x.trits",
                    "U8",
                    vec![0b00_01_10_10, 0b01_01_00_10, 0b10_10_10_00, 0b01_01_01_01],
                ),
                ("x.lambda_p", "F16", scales.as_flattened().to_vec()),
                ("x.bias", "F32", bias.as_flattened().to_vec()),
            ],
            planes: 2,
        }
    }

    pub(crate) fn entry(mut self, key: &str, value: Value) -> Self {
        self.directory["tensors"]["x"][key] = value;
        self
    }

    pub(crate) fn part(mut self, number: usize, dtype: &'static str, bytes: &[u8]) -> Self {
        (self.parts[number].1, self.parts[number].2) = (dtype, bytes.to_vec());
        self
    }

    pub(crate) fn scales(self, number: usize, scales: &[f32]) -> Self {
        let bytes: Vec<u8> = scales.iter().flat_map(|s| s.to_le_bytes()).collect();
        self.part(number, "F32", &bytes)
    }

    pub(crate) fn without(mut self, number: usize) -> Self {
        self.parts.remove(number);
        self
    }

    pub(crate) fn with(mut self, name: &'static str) -> Self {
        self.parts.push((name, "U8", vec![7]));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&self.directory.to_string())
    }

    pub(crate) fn bytes_with(&self, directory: &str) -> Vec<u8> {
        let mut header = json!({"__metadata__": {"ternarize": directory}});
        let mut data = vec![];
        for (name, dtype, bytes) in &self.parts {
            let count = match *dtype {
                "F32" | "I32" => bytes.len() / 4,
                "F16" => bytes.len() / 2,
                _ => bytes.len(),
            };
            let end = data.len() + bytes.len();
            let shape = match (*name, self.planes) {
                ("x.trits", planes @ 1..) => vec![planes, count / planes],
                ("x.lambda_p", 1..) => vec![2, count / 2],
                _ => vec![count],
            };
            header[name] =
                json!({"dtype": dtype, "shape": shape, "data_offsets": [data.len(), end]});
            data.extend(bytes);
        }
        file(&header.to_string(), &data)
    }

    pub(crate) fn read(&self) -> Result<Model, ModelError> {
        Model::from_bytes(&self.bytes())
    }

    /// The part that is refused, after the whole message has been looked at.
    pub(crate) fn bad_part(&self) -> &'static str {
        match self.read() {
            Err(ModelError::BadPart {
                tensor,
                part,
                reason,
            }) => {
                assert_eq!(tensor, "x");
                let text = ModelError::BadPart {
                    tensor,
                    part,
                    reason: reason.clone(),
                };
                assert!(text.to_string().contains(part) && text.to_string().contains(&reason));
                part
            }
            other => panic!("{other:?}"),
        }
    }
}
