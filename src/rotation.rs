//! stub, replaced at merge
use crate::Error;
pub(crate) fn rotate_rows<F: num_traits::Float>(
    x: &mut [F],
    columns: usize,
    width: usize,
    seed: u64,
) -> Result<(), Error> {
    let mut x32: alloc::vec::Vec<f32> = x.iter().map(|v| v.to_f32().unwrap_or(0.0)).collect();
    crate::matmul::rotate(&mut x32, columns, width, seed)?;
    for (a, b) in x.iter_mut().zip(x32) {
        *a = F::from(b).unwrap_or_else(F::zero);
    }
    Ok(())
}
