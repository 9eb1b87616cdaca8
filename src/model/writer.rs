//! [`ModelWriter`]: a model file, one tensor at a time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use std::io::{Read, Seek, SeekFrom, Write};

use super::container::{gguf, safetensors};
use super::parts::StoredPart;
use super::{Encoding, Metadata, ModelError, ModelReader, Tensor, TensorInfo, layout};

/// Writes a model file of which all tensors are described beforehand; then they are written in any order.
///
/// The metadata tell which container it is. In GGUF the tensors lie in the order of their descriptions; in safetensors those of most bits
/// come first, then they are in alphabetical order.
///
/// # Examples
///
/// ```
/// use std::io::Cursor;
/// use ternarize::model::{DenseTensor, Encoding, Metadata, Model, ModelWriter, Tensor, TensorInfo};
///
/// let bias = TensorInfo::new("bias", &[2], Encoding::Dense("F32".into()))?;
/// let metadata = Metadata::new_safetensors([].into());
/// let mut writer = ModelWriter::new(Cursor::new(Vec::new()), &metadata, &[bias])?;
/// writer.put("bias", &Tensor::Dense(DenseTensor::new(&[2], &[0.5_f32, 1.0])?))?;
/// let file = writer.finish()?.into_inner();
/// assert!(Model::from_bytes(&file)?.get("bias").is_some());
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
pub struct ModelWriter<W> {
    file: W,
    /// The tensors that are not written yet, and the offset of each part.
    missing: BTreeMap<String, (TensorInfo, Vec<(u64, StoredPart)>)>,
}

impl<W> fmt::Debug for ModelWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.missing.keys()).finish()
    }
}

impl<W: Write + Seek> ModelWriter<W> {
    /// Writes the header to an empty file, and makes room for the tensors.
    ///
    /// # Errors
    ///
    /// - [`ModelError::NameTaken`] if two tensors or parts of tensors would have one name (that of the second scales of planes is reserved
    ///   even if there is one scale), a tensor has the name `__metadata__`, or the metadata have the key `ternarize`;
    /// - [`ModelError::Unfit`] for a tensor that the container cannot hold;
    /// - [`ModelError::Unwritable`] if the header would be longer than the format allows;
    /// - [`ModelError::Container`] for an alignment of a GGUF file that is not a power of two;
    /// - [`ModelError::Output`] if the file cannot be written.
    pub fn new(
        mut file: W,
        metadata: &Metadata,
        tensors: &[TensorInfo],
    ) -> Result<Self, ModelError> {
        let parts = tensors.iter().map(TensorInfo::parts);
        let parts: Vec<Vec<StoredPart>> = parts.collect::<Result<_, _>>()?;
        check_names(tensors, &parts)?;
        let flat: Vec<&StoredPart> = parts.iter().flatten().collect();
        let (header, offsets, len) = if metadata.is_gguf() {
            check_gguf(tensors)?;
            gguf::header(metadata, tensors)?
        } else {
            safetensors::header(&with_directory(metadata, tensors)?, &flat)?
        };
        let written = file.write_all(&header).and_then(|()| {
            // The bytes between tensors are zeros, and the file has its length at once.
            if len > header.len() as u64 {
                file.seek(SeekFrom::Start(len - 1))?;
                file.write_all(&[0])?;
            }
            Ok(())
        });
        written.map_err(ModelError::Output)?;
        let mut offsets = offsets.into_iter();
        let missing = tensors.iter().zip(parts).map(|(info, parts)| {
            let places = offsets.by_ref().zip(parts).collect();
            (info.name().to_string(), (info.clone(), places))
        });
        let missing = missing.collect();
        Ok(Self { file, missing })
    }

    /// Writes a tensor as it was described.
    ///
    /// # Errors
    ///
    /// - [`ModelError::NoSuchTensor`] if no tensor of the name is still to be written;
    /// - [`ModelError::Unfit`] if the tensor is not of the kind that was described, or the encoding does not hold its numbers exactly.
    ///   The tensor is still to be written then.
    /// - [`ModelError::Output`] if the file cannot be written.
    pub fn put(&mut self, name: &str, tensor: &Tensor) -> Result<(), ModelError> {
        let missing = self.missing.get(name);
        let (info, places) = missing.ok_or_else(|| ModelError::no_such(name))?;
        let parts = layout::encode(info, tensor)?;
        let lens = parts.iter().map(|part| part.len() as u64);
        if !lens.eq(places.iter().map(|(_, part)| part.len)) {
            return Err(info.unfit(&"it is of another size than was described"));
        }
        for (part, (offset, _)) in parts.iter().zip(places) {
            write_at(&mut self.file, *offset, part)?;
        }
        self.missing.remove(name);
        Ok(())
    }

    /// Copies a tensor from another model, byte for byte. `advance` is told the number of bytes after each piece, and may end the copy.
    ///
    /// # Errors
    ///
    /// - [`ModelError::NoSuchTensor`] if no tensor of the name is still to be written, or the model has none of this number;
    /// - [`ModelError::Unfit`] if the tensor is not of the kind and the shape that were described;
    /// - [`ModelError::Read`] with the path, [`ModelError::Output`], and the error that `advance` returns. The tensor is still to be written
    ///   then.
    pub fn copy<R: Read + Seek>(
        &mut self,
        reader: &ModelReader<R>,
        index: usize,
        mut advance: impl FnMut(u64) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let from = reader.tensor(index)?;
        let name = from.info.name();
        let missing = self.missing.get(name);
        let (info, places) = missing.ok_or_else(|| ModelError::no_such(name))?;
        // The parts of a tensor that does not fit its description may be of any size.
        let parts = from.parts.iter().map(|part| (&part.dtype, part.len));
        let alike = (info.encoding(), info.shape()) == (from.info.encoding(), from.info.shape())
            && parts.eq(places.iter().map(|(_, part)| (&part.dtype, part.len)));
        if !alike {
            return Err(info.unfit(&"it is of another type or size"));
        }
        let file = &mut self.file;
        reader.copy(index, |part, done, bytes| {
            let place = places.get(part).ok_or_else(|| ModelError::no_such(name))?;
            write_at(file, place.0 + done, bytes)?;
            advance(bytes.len() as u64)
        })?;
        self.missing.remove(name);
        Ok(())
    }

    /// Ends the file and returns it. Its bytes may still be in the buffers of `W` and of the operating system.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`] for the first tensor that was described but not written; [`ModelError::Output`].
    pub fn finish(mut self) -> Result<W, ModelError> {
        if let Some(name) = self.missing.keys().next() {
            return Err(ModelError::no_such(name));
        }
        self.file.flush().map_err(ModelError::Output)?;
        Ok(self.file)
    }
}

fn write_at(file: &mut (impl Write + Seek), offset: u64, bytes: &[u8]) -> Result<(), ModelError> {
    let moved = file.seek(SeekFrom::Start(offset));
    let written = moved.and_then(|_| file.write_all(bytes));
    written.map_err(ModelError::Output)
}

/// No name may be that of two stored tensors. A dense tensor with the name of second scales would be read as these.
fn check_names(tensors: &[TensorInfo], parts: &[Vec<StoredPart>]) -> Result<(), ModelError> {
    let mut names = BTreeSet::new();
    let taken = |name: &str| ModelError::NameTaken { name: name.into() };
    for part in parts.iter().flatten() {
        if !names.insert(&part.name) {
            return Err(taken(&part.name));
        }
    }
    let mut logical = BTreeSet::new();
    for (info, parts) in tensors.iter().zip(parts) {
        let name = info.name();
        let reserved = alloc::format!("{name}.lambda_n");
        let planes = matches!(info.encoding(), Encoding::Planes { .. });
        let own = parts.iter().any(|part| part.name == reserved);
        if planes && !own && names.contains(&reserved) {
            return Err(taken(&reserved));
        }
        // Tensors that are made of parts have a name, too.
        if !logical.insert(name) {
            return Err(taken(name));
        }
    }
    Ok(())
}

/// GGUF holds plain tensors and blocks.
fn check_gguf(tensors: &[TensorInfo]) -> Result<(), ModelError> {
    let held =
        |info: &&TensorInfo| matches!(info.encoding(), Encoding::Dense(_) | Encoding::Blocks(_));
    match tensors.iter().find(|info| !held(info)) {
        Some(info) => Err(gguf::unwritable(info, "is not in blocks")),
        None => Ok(()),
    }
}

/// The metadata of a safetensors file, with the directory.
fn with_directory(
    metadata: &Metadata,
    tensors: &[TensorInfo],
) -> Result<BTreeMap<String, String>, ModelError> {
    let mut texts = metadata.clone().into_texts();
    let key = layout::KEY.to_string();
    if texts.contains_key(&key) {
        return Err(ModelError::NameTaken { name: key });
    }
    texts.extend(layout::directory(tensors)?.map(|directory| (key, directory)));
    Ok(texts)
}
