package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// ReadReports reads what WriteJSON wrote, once or many times into one file. Reports of the same name become one, with
// the runs of all: that is how interleaved runs are put together.
func ReadReports(r io.Reader) ([]Report, error) {
	var all []Report
	for in := json.NewDecoder(r); ; {
		var one Report
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("this is not what stampede bench --json writes: %w", err)
		}
		if one.Name == "" || len(one.Runs) == 0 {
			return nil, errors.New("this is not what stampede bench --json writes: an object without a name or without runs")
		}
		if i := slices.IndexFunc(all, func(o Report) bool { return o.Name == one.Name }); i >= 0 {
			all[i].Runs = append(all[i].Runs, one.Runs...)
		} else {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no report in it")
	}
	for i := range all {
		all[i].Median = Median(all[i].Runs)
	}
	return all, nil
}

// noise is the least difference between medians that says anything: on a shared machine the same program differs from
// itself by that much.
const noise = 0.30

// Compare writes the ratios of b to a for every benchmark that is in both; if each has but one, these two whatever they
// are called. It is an error if there is nothing to compare.
func Compare(w io.Writer, a, b []Report) error {
	type pair struct{ a, b *Report }
	var pairs []pair
	for i := range a {
		for j := range b {
			if a[i].Name == b[j].Name || len(a) == 1 && len(b) == 1 {
				pairs = append(pairs, pair{&a[i], &b[j]})
			}
		}
	}
	if len(pairs) == 0 {
		return errors.New("no benchmark is in both")
	}
	for n, p := range pairs {
		if n > 0 {
			fmt.Fprintln(w)
		}
		name := p.a.Name
		if p.b.Name != name {
			name += " against " + p.b.Name
		}
		fmt.Fprintf(w, "%s\n  A: %s\n  B: %s\n", name, p.a.origin(), p.b.origin())
		columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(columns, "\tA\tB\tB/A\t\t\n")
		for _, c := range catalogue {
			va, inA := p.a.Median[c.name]
			vb, inB := p.b.Median[c.name]
			if !inA || !inB {
				continue
			}
			fmt.Fprintf(columns, "  %s\t%s\t%s\t%s\t%s\t\n", label(c), Count(va), Count(vb), ratio(va, vb), verdict(c, va, vb))
		}
		if err := columns.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nMedians. Differences below %.0f %% are not called anything: measure again, in turns.\n", noise*100)
	return err
}

// origin is what was measured, in a line.
func (r *Report) origin() string {
	text := r.URL
	if r.Broker != "" {
		text += " (" + r.Broker + ")"
	}
	return fmt.Sprintf("%s, runs: %d", text, len(r.Runs))
}

func ratio(a, b float64) string {
	if a == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", b/a)
}

// verdict says whether B is better or worse than A, if one can say so.
func verdict(c figure, a, b float64) string {
	if c.bad {
		switch {
		case b > a:
			return "worse"
		case b < a:
			return "better"
		}
		return ""
	}
	if a <= 0 || b <= 0 || math.Max(a, b)/math.Min(a, b) < 1+noise || neutral(c.name) {
		return ""
	}
	if (b > a) == c.more {
		return "better"
	}
	return "worse"
}

// neutral are figures of which neither more nor less is better in itself.
func neutral(name string) bool {
	return slices.Contains([]string{
		"seconds", "messages", "connections", "broker_cores", "late_p50_us", "late_p99_us", "broker_rss_before_kib",
		"generator_cpu_s_per_million", "generator_cpu_us_per_connect", "redelivered", "strangers",
	}, name)
}
