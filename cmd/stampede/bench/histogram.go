package bench

import (
	"math/bits"
	"time"
)

// A histogram counts durations in buckets whose width grows with the duration, so that the error is at most one part in
// 64 everywhere between a nanosecond and three days. It has one writer; merge them to read them.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	max    int64
}

const (
	precision = 6              // each power of two is divided into 1<<precision buckets
	steps     = 1 << precision // below this every value has a bucket of its own
	widest    = 48             // bits of the largest value told apart; what is longer counts as that
	buckets   = (widest - precision + 1) * steps
)

// bucket returns the index for v, which is not negative.
func bucket(v int64) int {
	if v < steps {
		return int(v)
	}
	shift := bits.Len64(uint64(v)) - precision - 1
	if shift > widest-precision-1 {
		return buckets - 1
	}
	// v>>shift is between steps and 2*steps-1, and carries the first step of its power of two.
	return shift<<precision + int(v>>shift)
}

// upper returns the largest value that falls into a bucket.
func upper(i int) int64 {
	if i < 2*steps {
		return int64(i)
	}
	shift := i>>precision - 1
	return int64(i&(steps-1)+steps+1)<<shift - 1
}

// add counts n durations of d. A clock that was read in the wrong order may make one negative: that is none.
func (h *histogram) add(d time.Duration, n int) {
	v := max(int64(d), 0)
	h.counts[bucket(v)] += uint64(n)
	h.total += uint64(n)
	h.max = max(h.max, v)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range &o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// quantile returns the duration that the share q of all does not exceed, by at most one part in 64 too long. It is 0
// for an empty histogram.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(max(uint64(q*float64(h.total)+0.5), 1), h.total)
	seen := uint64(0)
	for i, n := range &h.counts {
		if seen += n; seen >= rank {
			return time.Duration(min(upper(i), h.max))
		}
	}
	return time.Duration(h.max)
}
