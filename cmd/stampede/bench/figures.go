package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Figures are the results of one run, by name. What was not measured is not there.
type Figures map[string]float64

// figure is a name with what tables need to know about it.
type figure struct {
	name string
	text string
	unit string
	more bool // is better
	bad  bool // anything but 0 is a fault of the broker
}

// catalogue has all figures in the order of tables.
var catalogue = []figure{
	{name: "sent_per_s", text: "sent", unit: "msg/s", more: true},
	{name: "deliveries_per_s", text: "delivered", unit: "msg/s", more: true},
	{name: "received_bytes_per_s", text: "received", unit: "B/s", more: true},
	{name: "connects_per_s", text: "connections opened and closed", unit: "/s", more: true},
	{name: "opened_per_s", text: "connections opened", unit: "/s", more: true},
	{name: "latency_p50_us", text: "latency p50", unit: "µs"},
	{name: "latency_p99_us", text: "latency p99", unit: "µs"},
	{name: "latency_p999_us", text: "latency p99.9", unit: "µs"},
	{name: "latency_max_us", text: "latency max", unit: "µs"},
	{name: "late_p50_us", text: "of it the generator's own delay p50", unit: "µs"},
	{name: "late_p99_us", text: "of it the generator's own delay p99", unit: "µs"},
	{name: "broker_cpu_s_per_million", text: "broker CPU per million deliveries", unit: "s"},
	{name: "generator_cpu_s_per_million", text: "generator CPU per million deliveries", unit: "s"},
	{name: "broker_cpu_us_per_connect", text: "broker CPU per connection", unit: "µs"},
	{name: "generator_cpu_us_per_connect", text: "generator CPU per connection", unit: "µs"},
	{name: "broker_cores", text: "broker CPU used", unit: "cores"},
	{name: "kib_per_connection", text: "broker memory per idle connection", unit: "KiB"},
	{name: "kib_per_connection_used", text: "and after a message to each", unit: "KiB"},
	{name: "broker_rss_before_kib", text: "broker resident before", unit: "KiB"},
	{name: "broker_rss_kib", text: "broker resident", unit: "KiB"},
	{name: "broker_rss_peak_kib", text: "broker resident at most, ever", unit: "KiB"},
	{name: "connections", text: "connections", unit: "", more: true},
	{name: "messages", text: "messages sent in all", unit: "", more: true},
	{name: "seconds", text: "measured for", unit: "s"},
	{name: "lost", text: "lost", unit: "", bad: true},
	{name: "duplicates", text: "duplicates", unit: "", bad: true},
	{name: "out_of_order", text: "out of order", unit: "", bad: true},
	{name: "corrupt", text: "corrupt or misrouted", unit: "", bad: true},
	{name: "receipts_missing", text: "receipts missing", unit: "", bad: true},
	{name: "redelivered", text: "redelivered", unit: ""},
	{name: "strangers", text: "messages of earlier runs", unit: ""},
}

// Faults says what the broker did wrong, or "".
func (f Figures) Faults() string {
	var all []string
	for _, c := range catalogue {
		if n := f[c.name]; c.bad && n != 0 {
			all = append(all, fmt.Sprintf("%s: %.0f", c.text, n))
		}
	}
	return strings.Join(all, ", ")
}

// Median gives the median of each figure that all runs have; of the faults it gives the sum, because none may hide
// behind better runs.
func Median(runs []Figures) Figures {
	if len(runs) == 0 {
		return nil
	}
	m := Figures{}
	for name := range runs[0] {
		values, ok := valuesOf(runs, name)
		if !ok {
			continue
		}
		if c := lookUp(name); c.bad {
			for _, v := range values {
				m[name] += v
			}
			continue
		}
		m[name] = middle(values)
	}
	return m
}

// valuesOf collects one figure; ok is false if a run doesn't have it.
func valuesOf(runs []Figures, name string) (values []float64, ok bool) {
	for _, r := range runs {
		v, ok := r[name]
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

func middle(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func lookUp(name string) figure {
	for _, c := range catalogue {
		if c.name == name {
			return c
		}
	}
	return figure{name: name, text: name}
}

// latencies sets the figures that come out of a histogram.
func (f Figures) latencies(h *histogram) {
	if h.total == 0 {
		return
	}
	f["latency_p50_us"] = micros(h.quantile(0.5))
	f["latency_p99_us"] = micros(h.quantile(0.99))
	f["latency_p999_us"] = micros(h.quantile(0.999))
	f["latency_max_us"] = micros(time.Duration(h.max))
}

// faults sets the figures of what went wrong, the good zeros too: they say that it was checked.
func (f Figures) faults(o faults) {
	f["lost"] = float64(o.lost)
	f["duplicates"] = float64(o.duplicates)
	f["out_of_order"] = float64(o.disordered)
	f["corrupt"] = float64(o.corrupt)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
