//! Timing.
use std::time::Instant;
use ternarize::gram::*;
fn main() {
    let (side, samples, rows) = (5, 2000, 400);
    for rho in [0.0f32, 0.5, 0.9] {
        for damping in [0.01, 0.0001] {
            let inputs = side * side;
            let mut state = 1u64;
            let mut next = || {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
            };
            let mut x = vec![];
            for _ in 0..samples {
                let w = side + 6;
                let mut img = vec![0f32; w * w];
                for v in &mut img {
                    *v = next();
                }
                for _ in 0..2 {
                    for y in 0..w {
                        for i in 1..w {
                            img[y * w + i] += rho * img[y * w + i - 1];
                        }
                    }
                    for y in 1..w {
                        for i in 0..w {
                            img[y * w + i] += rho * img[(y - 1) * w + i];
                        }
                    }
                }
                for k in 0..inputs {
                    x.push(img[(k / side + 5) * w + k % side + 5].max(0.0));
                }
            }
            let w: Vec<f32> = (0..rows * inputs)
                .map(|_| next() + next() + next())
                .collect();
            let mut gram = Gram::new(inputs).unwrap();
            gram.add(&x).unwrap();
            let aware = OutputAware::new(&gram).damping(damping);
            let t = Instant::now();
            let c = aware.certify(&w, 10_000_000).unwrap();
            let time = t.elapsed();
            let nodes: u64 = c.iter().map(|c| c.nodes).sum();
            let most = c.iter().map(|c| c.nodes).max().unwrap();
            println!(
                "rho {rho} damping {damping} {time:?} mean nodes {} most {most} proved {}",
                nodes / rows as u64,
                c.iter().filter(|c| c.proved).count()
            );
            for method in Method::ALL {
                let f = aware.method(method).ternarize(&w).unwrap();
                let r: f64 = f
                    .iter()
                    .zip(&c)
                    .map(|(f, c)| f.objective / c.objective)
                    .sum::<f64>()
                    / rows as f64;
                let hit = f
                    .iter()
                    .zip(&c)
                    .filter(|(f, c)| f.objective <= c.objective * (1.0 + 1e-9))
                    .count();
                println!(
                    "   {method:?} mean ratio {r:.3} optimal {hit}/{rows} relative {:.4}",
                    f.iter().map(|f| f.relative_error()).sum::<f64>() / rows as f64
                );
            }
        }
    }
}
