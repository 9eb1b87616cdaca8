//! A second reader of protocol buffers, of whole trees of messages, to see what an edit changed.

/// A field: its number, and its bytes without tag and length.
pub(crate) type Field = (u64, Vec<u8>);

pub(crate) fn fields(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let size = match tag & 7 {
            0 => {
                let mut rest = bytes;
                varint(&mut rest);
                bytes.len() - rest.len()
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            _ => 4,
        };
        let (value, rest) = bytes.split_at(size);
        fields.push((tag >> 3, value.to_vec()));
        bytes = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let end = bytes.iter().position(|byte| *byte < 0x80).unwrap();
    let (varint, rest) = bytes.split_at(end + 1);
    *bytes = rest;
    varint
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// A field that is a number.
pub(crate) fn integer(number: u8, value: usize) -> Vec<u8> {
    [vec![number << 3], as_varint(value)].concat()
}

/// A field of bytes.
pub(crate) fn put(number: u8, bytes: &[u8]) -> Vec<u8> {
    [
        vec![number << 3 | 2],
        as_varint(bytes.len()),
        bytes.to_vec(),
    ]
    .concat()
}

fn as_varint(value: usize) -> Vec<u8> {
    let low = value.to_le_bytes()[0];
    if value < 128 {
        return vec![low];
    }
    [vec![low | 0x80], as_varint(value >> 7)].concat()
}

/// The fields of the graph of a model, and those around it.
pub(crate) fn graph(model: &[u8]) -> (Vec<Field>, Vec<Field>) {
    let (graph, around): (Vec<_>, Vec<_>) = fields(model)
        .into_iter()
        .partition(|(number, _)| *number == 7);
    (fields(&graph[0].1), around)
}

/// The text of a field.
pub(crate) fn text(message: &[u8], number: u64) -> String {
    let field = fields(message).into_iter().find(|field| field.0 == number);
    String::from_utf8(field.unwrap().1).unwrap()
}

/// What a graph has that another does not have.
pub(crate) fn changed(one: &[Field], other: &[Field]) -> Vec<Field> {
    let mut other = other.to_vec();
    let mut changed = Vec::new();
    for field in one {
        match other.iter().position(|same| same == field) {
            Some(place) => drop(other.remove(place)),
            None => changed.push(field.clone()),
        }
    }
    changed
}
