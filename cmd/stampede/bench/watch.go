package bench

import (
	"time"
)

// Watch is what a run tells while it goes on, and what it measures beside itself.
type Watch struct {
	Progress func(line string) // called about once a second; nil: nobody wants to know
	Every    time.Duration     // instead of a second
	PIDs     []int             // of the broker's processes on this machine
}

func (w *Watch) say(line string) {
	if w.Progress != nil {
		w.Progress(line)
	}
}

func (w *Watch) every() time.Duration {
	if w.Every <= 0 {
		return time.Second
	}
	return w.Every
}

// reading is a look at all clocks and meters.
type reading struct {
	at                    time.Time
	sent, received, bytes int64
	broker, generator     usage
}

// meters fills in what is not counted by the run itself. Where the generator's own CPU time can't be known it stays 0.
func (w *Watch) meters(r *reading) error {
	r.at = time.Now()
	r.generator, _ = self.usage()
	if len(w.PIDs) == 0 {
		return nil
	}
	var err error
	r.broker, err = processes(w.PIDs).usage()
	return err
}

// spent sets the figures of what was used up between two readings, for n pieces of work.
func (w *Watch) spent(f Figures, from, to *reading, n int64, scale float64, suffix string) {
	each := func(used time.Duration) float64 { return used.Seconds() * scale / float64(n) }
	if n > 0 && to.generator.cpu > 0 {
		f["generator_cpu_"+suffix] = each(to.generator.cpu - from.generator.cpu)
	}
	if len(w.PIDs) == 0 {
		return
	}
	if n > 0 {
		f["broker_cpu_"+suffix] = each(to.broker.cpu - from.broker.cpu)
	}
	if d := to.at.Sub(from.at); d > 0 {
		f["broker_cores"] = (to.broker.cpu - from.broker.cpu).Seconds() / d.Seconds()
	}
	f["broker_rss_kib"] = float64(to.broker.resident) / 1024
	f["broker_rss_peak_kib"] = float64(to.broker.peak) / 1024
}
