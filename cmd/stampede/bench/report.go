package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what one benchmark has found, in the form in which it is written as JSON.
type Report struct {
	Name     string            `json:"name"` // the same for what may be compared
	URL      string            `json:"url"`
	Broker   string            `json:"broker,omitempty"` // as it calls itself
	Started  time.Time         `json:"started"`
	Machine  Machine           `json:"machine"`
	Settings map[string]string `json:"settings,omitempty"` // flags that were given
	Runs     []Figures         `json:"runs"`
	Median   Figures           `json:"median"`
}

// Machine is where the generator ran.
type Machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	CPUs       int    `json:"cpus"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	Go         string `json:"go"`
}

// ThisMachine describes the machine and the program.
func ThisMachine() Machine {
	return Machine{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.GOMAXPROCS(0), runtime.Version()}
}

// WriteJSON writes the report as one object. Several of them in one file are good input for Compare.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// WriteTable writes the report for people; of several runs the median, the least and the most.
func (r *Report) WriteTable(w io.Writer) error {
	title := r.Name + ", " + r.URL
	if r.Broker != "" {
		title += " (" + r.Broker + ")"
	}
	if n := len(r.Runs); n > 1 {
		title += fmt.Sprintf(", medians of %d runs", n)
	}
	fmt.Fprintln(w, title)
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Runs) > 1 {
		fmt.Fprint(columns, "\tmedian\tleast\tmost\t\n")
	}
	for _, c := range catalogue {
		v, ok := r.Median[c.name]
		if !ok {
			continue
		}
		fmt.Fprintf(columns, "  %s\t%s", label(c), Count(v))
		if values, ok := valuesOf(r.Runs, c.name); ok && len(values) > 1 {
			least, most := math.Inf(1), math.Inf(-1)
			for _, v := range values {
				least, most = min(least, v), max(most, v)
			}
			fmt.Fprintf(columns, "\t%s\t%s", Count(least), Count(most))
		}
		fmt.Fprint(columns, "\t\n")
	}
	return columns.Flush()
}

func label(c figure) string {
	if c.unit == "" {
		return c.text
	}
	return c.text + ", " + c.unit
}

// Count writes a number the way people read it: three digits that count, and commas.
func Count(v float64) string {
	switch a := math.Abs(v); {
	case a != 0 && a < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 100 && a != math.Trunc(a):
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	var b strings.Builder
	if v <= -0.5 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
