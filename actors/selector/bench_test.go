package selector

import (
	"strings"
	"testing"
)

// benchmarkHeaders are of a usual size, in the order in which a broker would look through them.
var benchmarkHeaders = []string{
	"message-id", "17-4711", "destination", "/topic/orders.eu", "content-type", "application/json", "content-length", "512",
	"priority", "5", "timestamp", "1700000000000", "type", "order", "region", "eu", "amount", "129.90", "customer", "4711",
}

func lookupBenchmark(name string) (string, bool) {
	for i := 0; i < len(benchmarkHeaders); i += 2 {
		if benchmarkHeaders[i] == name {
			return benchmarkHeaders[i+1], true
		}
	}
	return "", false
}

func BenchmarkMatches(b *testing.B) {
	for _, c := range []struct{ name, selector string }{
		{"string", "type = 'order'"},
		{"number", "amount > 100"},
		{"missing", "absent = 1"},
		{"usual", "type = 'order' AND (region IN ('eu', 'us') OR JMSPriority >= 7) AND amount BETWEEN 100 AND 1000"},
		{"arithmetic", "amount * 2 + customer / 4711 - 1 >= 259.8"},
		{"like", `"content-type" LIKE 'application/%' AND destination NOT LIKE '/topic/%.u_'`},
		{"in300", "customer IN ('" + strings.Repeat("1234567', '", 300) + "4711')"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := Parse(c.selector)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Matches(lookupBenchmark)
			}
		})
	}
}

// The slowest that a subscriber and a publisher can make together: a pattern that nearly fits everywhere, and a header as
// long as the limit that a broker has by default.
func BenchmarkMatchesWorst(b *testing.B) {
	value := strings.Repeat("a", 16<<10)
	get := func(string) (string, bool) { return value, true }
	for _, c := range []struct{ name, selector string }{
		{"like", "a LIKE '%" + strings.Repeat(strings.Repeat("a", 120)+"_", MaxWildcards) + "b%'"},
		{"wild", "a LIKE '%" + strings.Repeat("a_", MaxWildcards) + "b%'"},
		{"likes", "a LIKE '%a_b%'" + strings.Repeat(" OR a LIKE '%a_b%'", MaxWildcards-1)},
		{"literals", "a LIKE '%ab%'" + strings.Repeat(" OR a LIKE '%aab%'", 220)},
		{"numbers", "a = 1" + strings.Repeat(" OR a = 1", 255)},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := Parse(c.selector)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s.Matches(get)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("type = 'order' AND (region IN ('eu', 'us') OR JMSPriority >= 7) AND amount BETWEEN 100 AND 1000"); err != nil {
			b.Fatal(err)
		}
	}
}
