/// The median and the quartiles of what the rounds gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// `None` without samples.
    pub(crate) fn of(mut samples: Vec<f64>) -> Option<Self> {
        samples.sort_unstable_by(f64::total_cmp);
        Some(Self {
            low: quantile(&samples, 0.25)?,
            median: quantile(&samples, 0.5)?,
            high: quantile(&samples, 0.75)?,
        })
    }
}

/// The median of what was measured; `None` marks a measurement that failed.
pub(crate) fn median<S>(samples: &[Option<S>], value: fn(&S) -> f64) -> Option<f64> {
    Spread::of(samples.iter().flatten().map(value).collect()).map(|spread| spread.median)
}

/// How samples compare to those of a reference that were taken next to them.
pub(crate) fn ratios<S>(
    samples: &[Option<S>],
    reference: &[Option<S>],
    value: fn(&S) -> f64,
) -> Option<Spread> {
    let paired = samples.iter().zip(reference);
    let ratio = |(a, b): (&Option<S>, &Option<S>)| Some(value(a.as_ref()?) / value(b.as_ref()?));
    Spread::of(paired.filter_map(ratio).collect())
}

/// Interpolates between the two nearest samples.
fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    let place = fraction * (sorted.len().checked_sub(1)?) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((spread.low, spread.median, spread.high), (1.75, 2.5, 3.25));
    }

    #[test]
    fn nothing_has_no_median() {
        assert!(Spread::of(Vec::new()).is_none());
        assert_eq!(median(&[None], |sample: &f64| *sample), None);
    }

    #[test]
    fn ratios_are_of_neighbours() {
        let samples = [Some(2.0), None, Some(3.0), Some(40.0)];
        let reference = [Some(1.0), Some(1.0), Some(1.0), None];
        let spread = ratios(&samples, &reference, |sample| *sample).unwrap();
        assert_eq!((spread.low, spread.median, spread.high), (2.25, 2.5, 2.75));
        assert_eq!(median(&samples, |sample| *sample), Some(3.0));
    }
}
