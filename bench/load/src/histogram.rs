//! Times in microseconds, counted in buckets that are 1.6 % wide.

const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// How often which time was seen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, microseconds: u64) {
        let bucket = bucket(microseconds);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
            self.count += 1;
        }
    }

    /// The time that so many thousandths of all do not exceed; 0 if there is none.
    pub(crate) fn quantile(&self, thousandths: u64) -> u64 {
        let mut left = self.count * thousandths / 1_000;
        for (bucket, count) in self.buckets.iter().enumerate() {
            if *count > left {
                return lowest(bucket as u64);
            }
            left -= count;
        }
        lowest((self.buckets.len() as u64).saturating_sub(1))
    }
}

// Below STEPS a bucket a microsecond; beyond, STEPS buckets for each power of two.
fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

fn lowest(bucket: u64) -> u64 {
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    (bucket - shift * STEPS) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_near_its_lowest() {
        for value in (0..100_000).chain([1 << 40, u64::MAX / 2]) {
            let near = lowest(bucket(value) as u64);
            assert!(near <= value && value - near <= value / 64, "{value} is counted as {near}");
        }
    }

    #[test]
    fn quantiles_are_where_they_should_be() {
        let mut times = Histogram::default();
        assert_eq!(times.quantile(500), 0);
        (1..=1_000).for_each(|time| times.add(time));
        assert!((490..=510).contains(&times.quantile(500)), "{}", times.quantile(500));
        assert!((970..=1_000).contains(&times.quantile(990)), "{}", times.quantile(990));
        assert!(times.quantile(1_000) <= 1_000);
    }
}
