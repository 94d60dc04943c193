package selector

import (
	"strings"
	"sync"
	"testing"
)

// message is the headers of one, as "name=value" separated by blanks; ␣ is a blank in a value.
func message(headers string) func(string) (string, bool) {
	all := map[string]string{}
	for _, h := range strings.Fields(headers) {
		name, value, _ := strings.Cut(h, "=")
		all[name] = strings.ReplaceAll(value, "␣", " ")
	}
	return func(name string) (string, bool) {
		value, present := all[name]
		return value, present
	}
}

// outcome tells what a selector comes to: itself, its negation and its being unknown are three different things.
func outcome(t *testing.T, text string, get func(string) (string, bool)) string {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	negation, err := Parse("NOT (" + text + ")")
	if err != nil {
		t.Fatalf("NOT (%s): %v", text, err)
	}
	switch yes, no := s.Matches(get), negation.Matches(get); {
	case yes && no:
		t.Fatalf("%s and its negation match", text)
	case yes:
		return "true"
	case no:
		return "false"
	}
	return "unknown"
}

// Each clause of the JMS specification on selectors holds for headers, which are all strings.
func TestClausesOfJMS(t *testing.T) {
	for clause, cases := range map[string][]struct{ selector, headers, want string }{
		"string literals": {
			{"a = 'literal'", "a=literal", "true"},
			{"a = 'literal''s'", "a=literal's", "true"},
			{"a = ''''", "a='", "true"},
			{"a = ''", "a=", "true"},
			{"a = ''", "", "unknown"},
			{"a = 'X'", "a=x", "false"},
			{"a = 'héé'", "a=héé", "true"},
			{"a = ' x'", "a=x", "false"},
			{`a = 'x"y'`, `a=x"y`, "true"},
			{"a = '5'", "a=5", "true"},
			{"a = '5'", "a=5.0", "false"}, // a string is not a number
			{"'x' = 'x'", "", "true"},
		},
		"exact numeric literals": {
			{"a = 57", "a=57", "true"},
			{"a = -957", "a=-957", "true"},
			{"a = +62", "a=62", "true"},
			{"a = 57L", "a=57", "true"},
			{"a = 0", "a=-0", "true"},
			{"a = 0xFf", "a=255", "true"},
			{"a = 0X10l", "a=16", "true"},
			{"a = -0x8000000000000000", "a=-9223372036854775808", "true"},
			{"a = 9223372036854775807", "a=9223372036854775806", "false"},
			{"a = -9223372036854775808", "a=-9223372036854775808", "true"},
			{"a = - 9223372036854775808", "a=-9223372036854775808", "true"},
		},
		"approximate numeric literals": {
			{"a = 7E3", "a=7000", "true"},
			{"a = -57.9E2", "a=-5790", "true"},
			{"a = 7.", "a=7", "true"},
			{"a = -95.7", "a=-95.7", "true"},
			{"a = +6.2", "a=6.20", "true"},
			{"a = .5e+1", "a=5", "true"},
			{"a = 7d", "a=7", "true"},
			{"a = 7.5F", "a=7.5", "true"},
			{"a = 007.5", "a=7.5", "true"},
			{"a = 1.7976931348623157E308", "a=17976931348623157e292", "true"},
		},
		"boolean literals": {
			{"TRUE", "", "true"},
			{"false", "", "false"},
			{"a = TRUE", "a=true", "true"},
			{"a = true", "a=false", "false"},
			{"a <> TRUE", "a=false", "true"},
			{"a = FALSE", "a=True", "unknown"},
			{"a = FALSE", "a=0", "unknown"},
			{"a = TRUE", "", "unknown"},
			{"a", "a=true", "true"},
			{"a", "a=false", "false"},
			{"a", "a=yes", "unknown"},
			{"a", "", "unknown"},
			{"(a = 1) = b", "a=1 b=true", "true"},
			{"(a = 1) <> (b = 1)", "a=1 b=2", "true"},
			{"(a = 1) = (b = 1)", "a=1", "unknown"},
			{"(b = 1) = (a = 1)", "a=1", "unknown"},
			{"TRUE = TRUE", "", "true"},
		},
		"identifiers": {
			{"_a$1 = 'x'", "_a$1=x", "true"},
			{"größe = 'x'", "größe=x", "true"},
			{"Ⅷ€‿ = 'x'", "Ⅷ€‿=x", "true"},
			{"A = 'x'", "a=x", "unknown"},
			{`"content-type" = 'text/plain'`, "content-type=text/plain", "true"},
			{`"app.id" = 'x'`, "app.id=x", "true"},
			{`"a""b" = 'x'`, `a"b=x`, "true"},
			{`"AND" = 'x' AND "true" = 'y'`, "AND=x true=y", "true"},
			{`"5" = 5`, "5=5", "true"},
			{`"a" = 'x'`, "a=x", "true"},
			{"content-length2 = 3", "content=5 length2=2", "true"},
			{"content - length = 3", "content=5 length=2", "true"},
			{"JMSXGroupID = 'g' AND JMS_X = 'h'", "JMSXGroupID=g JMS_X=h", "true"},
			{"orderly = 'x' AND nothing = 'y' AND islands = 'z'", "orderly=x nothing=y islands=z", "true"},
		},
		"header fields of JMS": {
			{"JMSCorrelationID = 'x'", "correlation-id=x", "true"},
			{"JMSCorrelationID IS NULL", "JMSCorrelationID=x", "true"},
			{`"JMSCorrelationID" = 'x'`, "JMSCorrelationID=x", "true"},
			{"JMSMessageID = 'x'", "message-id=x", "true"},
			{"JMSTimestamp > 10", "timestamp=11", "true"},
			{"JMSTimestamp > 10", "", "unknown"},
			{"JMSType = 'x'", "type=x", "true"},
			{"JMSReplyTo = '/queue/x'", "reply-to=/queue/x", "true"},
			{"JMSPriority > 4", "priority=5", "true"},
			{"JMSPriority = 4", "", "true"},
			{"JMSPriority = 4", "priority=", "unknown"},
			{"priority = 4", "", "unknown"},
			{"JMSExpiration = 0", "", "true"},
			{"JMSExpiration > 0", "expires=5", "true"},
			{"JMSDeliveryMode = 'PERSISTENT'", "persistent=true", "true"},
			{"JMSDeliveryMode = 'NON_PERSISTENT'", "persistent=true", "false"},
			{"JMSDeliveryMode = 'NON_PERSISTENT'", "", "true"},
			{"JMSDeliveryMode = 'NON_PERSISTENT'", "persistent=false", "true"},
			{"JMSDeliveryMode <> a", "a=x", "true"},
			{"JMSDeliveryMode LIKE 'NON%'", "", "true"},
			{"JMSDeliveryMode IN ('PERSISTENT')", "", "false"},
			{"JMSDeliveryMode IS NULL", "", "false"},
			{"persistent = TRUE", "persistent=true", "true"},
			{"jmspriority = 4", "", "unknown"},
		},
		"white space": {
			{"\t\n\f\r a\t=\n1\r", "a=1", "true"},
			{"a=1AND", "", "error"},
			{"a=1 AND(b=2)OR'x'='x'", "", "true"},
		},
		"keywords in any case": {
			{"a Is nUlL oR Not a bEtWeEn 1 aNd 2", "a=3", "true"},
			{"a LiKe 'x!%' eScApE '!' And b iN ('y') aNd tRuE", "a=x% b=y", "true"},
		},
		"comparison": {
			{"a > 5", "a=6", "true"},
			{"a > 5", "a=5", "false"},
			{"a >= 5", "a=5", "true"},
			{"a >= 5", "a=4", "false"},
			{"a < 5", "a=4", "true"},
			{"a < 5", "a=5", "false"},
			{"a <= 5", "a=5", "true"},
			{"a <= 5", "a=6", "false"},
			{"a <> 5", "a=6", "true"},
			{"a <> 5", "a=5.0", "false"},
			{"a = 5", "a=5.0", "true"},
			{"a = 5.0", "a=5", "true"},
			{"5 < a", "a=6", "true"},
			{"a > 10", "a=9", "false"}, // and not as strings
			{"a = 5", "a=x", "unknown"},
			{"a <> 5", "a=x", "unknown"},
			{"a < 5", "a=", "unknown"},
			{"a = 5", "a=5␣", "unknown"},
			{"a = 5", "", "unknown"},
			{"a <> 'x'", "", "unknown"},
			{"a <> 'x'", "a=y", "true"},
			{"1 = 1", "", "true"},
			{"1 < 0.5", "", "false"},
		},
		"header against header": {
			{"a = b", "a=5 b=5.0", "true"},
			{"a <> b", "a=5 b=5.0", "false"},
			{"a = b", "a=x b=x", "true"},
			{"a <> b", "a=x b=y", "true"},
			{"a = b", "a=5 b=x", "false"},
			{"a = b", "a=true b=TRUE", "false"},
			{"a < b", "a=5 b=10", "true"},
			{"a < b", "a=x b=y", "unknown"},
			{"a < b", "a=5 b=y", "unknown"},
			{"a = b", "a=5", "unknown"},
			{"a = b", "b=5", "unknown"},
			{"a <> b", "", "unknown"},
			{"a > b", "a=5", "unknown"},
			{"a = +b", "a=x b=x", "unknown"},
		},
		"arithmetic": {
			{"a + 1 = 3", "a=2", "true"},
			{"a - 1 = 1", "a=2", "true"},
			{"a * 2 = 5.0", "a=2.5", "true"},
			{"a / 2 = 2.5", "a=5", "true"},
			{"a / 2 = 2.5", "a=5.0", "true"},
			{"a / 2 = 2", "a=4", "true"},
			{"a / b = 1", "a=1 b=0", "unknown"},
			{"a / b = 1", "a=1 b=-0.0", "unknown"},
			{"a / b = 1", "a=0 b=0", "unknown"},
			{"-a = 2", "a=-2", "true"},
			{"+a = 2", "a=2", "true"},
			{"- -a = 2", "a=2", "true"},
			{"--a = 2", "a=2", "true"},
			{"a-1=1", "a=2", "true"},
			{"a -1=1", "a=2", "true"},
			{"a --1=3", "a=2", "true"},
			{"2 + 3 * 4 = 14", "", "true"},
			{"(2 + 3) * 4 = 20", "", "true"},
			{"10 - 4 - 3 = 3", "", "true"},
			{"10 - (4 - 3) = 9", "", "true"},
			{"12 / 2 * 3 = 18", "", "true"},
			{"12 / (2 * 3) = 2", "", "true"},
			{"-2 * -3 = 6", "", "true"},
			{"2 - -3 = 5", "", "true"},
			{"a + 1 > 0", "", "unknown"},
			{"1 + a > 0", "", "unknown"},
			{"a + 1 > 0", "a=x", "unknown"},
			{"-a > 0", "", "unknown"},
			{"a + 1 > a", "a=9223372036854775806", "true"},
			{"a + 1 >= 9223372036854775807", "a=9223372036854775807", "true"}, // approximate, not wrapped
			{"-a > 0", "a=-9223372036854775808", "true"},
			{"a / b > 0", "a=-9223372036854775808 b=-1", "true"},
			{"a * a > 0", "a=1e200", "unknown"},
			{"a * 0 = 0", "a=5", "true"},
			{"a * 0 = 0", "a=x", "unknown"},
		},
		"BETWEEN": {
			{"a BETWEEN 15 AND 19", "a=15", "true"},
			{"a BETWEEN 15 AND 19", "a=19", "true"},
			{"a BETWEEN 15 AND 19", "a=14.9", "false"},
			{"a BETWEEN 15 AND 19", "a=20", "false"},
			{"a NOT BETWEEN 15 AND 19", "a=14", "true"},
			{"a NOT BETWEEN 15 AND 19", "a=15", "false"},
			{"a NOT BETWEEN 15 AND 19", "a=x", "unknown"},
			{"a BETWEEN 1 AND 2", "", "unknown"},
			{"a BETWEEN b AND 2", "a=1", "unknown"},
			{"a BETWEEN b AND 2", "a=3", "false"},
			{"a NOT BETWEEN b AND 2", "a=3", "true"},
			{"a BETWEEN 2 AND b", "a=1", "false"},
			{"a BETWEEN 2 AND b", "a=3", "unknown"},
			{"a BETWEEN 3 AND 1", "a=2", "false"},
			{"a BETWEEN b - 1 AND b + 1 AND TRUE", "a=5 b=6", "true"},
		},
		"IN": {
			{"a IN ('UK', 'US')", "a=UK", "true"},
			{"a IN ('UK', 'US')", "a=uk", "false"},
			{"a IN ('UK')", "", "unknown"},
			{"a NOT IN ('UK', 'US')", "a=DE", "true"},
			{"a NOT IN ('UK')", "a=UK", "false"},
			{"a NOT IN ('UK')", "", "unknown"},
			{"a IN ('5')", "a=5.0", "false"},
			{"a IN ('')", "a=", "true"},
			{"a IN ('1','2','3','4','5','6','7','8')", "a=8", "true"},
			{"a IN ('1','2','3','4','5','6','7','8')", "a=9", "false"},
			{"a IN ('1','2','3','4','5','6','7','8','9')", "a=9", "true"},
			{"a IN ('1','2','3','4','5','6','7','8','9')", "a=0", "false"},
			{"(a) IN ('x')", "a=x", "true"},
		},
		"LIKE": {
			{"a LIKE '12%3'", "a=12993", "true"},
			{"a LIKE '12%3'", "a=1234", "false"},
			{"a NOT LIKE '12%3'", "a=1234", "true"},
			{"a LIKE 'l_se'", "a=lose", "true"},
			{"a LIKE 'l_se'", "a=loose", "false"},
			{`a LIKE '\_%' ESCAPE '\'`, "a=_foo", "true"},
			{`a LIKE '\_%' ESCAPE '\'`, "a=bar", "false"},
			{"a LIKE '%'", "", "unknown"},
			{"a NOT LIKE '%'", "", "unknown"},
			{"a LIKE ''", "a=", "true"},
			{"a LIKE '''%' ESCAPE ''''", "a=%", "true"},
			{"a LIKE '_'", "a=é", "true"},
		},
		"IS NULL": {
			{"a IS NULL", "", "true"},
			{"a IS NULL", "a=", "false"},
			{"a IS NOT NULL", "a=", "true"},
			{"a IS NOT NULL", "", "false"},
			{"(a) IS NULL", "", "true"},
		},
		"precedence": {
			{"a = 1 OR b = 1 AND c = 1", "a=1 c=0", "true"},
			{"(a = 1 OR b = 1) AND c = 1", "a=1 c=0", "false"},
			{"NOT a = 1 OR b = 1", "a=1 b=1", "true"},
			{"NOT (a = 1 OR b = 1)", "a=1 b=1", "false"},
			{"NOT a = 1 AND b = 1", "a=2 b=1", "true"},
			{"NOT NOT a = 1", "a=1", "true"},
			{"NOT a + 1 = 2", "a=2", "true"},
			{"NOT a AND b", "a=false b=true", "true"},
			{"a BETWEEN 1 AND 2 AND b = 1", "a=1 b=1", "true"},
		},
	} {
		for _, c := range cases {
			if c.want == "error" {
				if s, err := Parse(c.selector); err == nil {
					t.Errorf("%s: %s is accepted, as %s", clause, c.selector, s)
				}
				continue
			}
			if got := outcome(t, c.selector, message(c.headers)); got != c.want {
				t.Errorf("%s: %s is %s of {%s}; want %s", clause, c.selector, got, c.headers, c.want)
			}
		}
	}
}

// AND, OR and NOT follow the truth tables of JMS, whatever is on which side.
func TestTruthTables(t *testing.T) {
	tables := map[string][3][3]string{ // left, then right: true, false, unknown
		"AND": {{"true", "false", "unknown"}, {"false", "false", "false"}, {"unknown", "false", "unknown"}},
		"OR":  {{"true", "true", "true"}, {"true", "false", "unknown"}, {"true", "unknown", "unknown"}},
		"=":   {{"true", "false", "unknown"}, {"false", "true", "unknown"}, {"unknown", "unknown", "unknown"}},
		"<>":  {{"false", "true", "unknown"}, {"true", "false", "unknown"}, {"unknown", "unknown", "unknown"}},
	}
	get := message("n=0")
	// A condition that is true, one that is false and one that is unknown.
	conditions := []string{"(n = 0)", "(n <> 0)", "(missing = 0)"}
	for operator, table := range tables {
		for i, left := range conditions {
			for j, right := range conditions {
				text := left + " " + operator + " " + right
				if got := outcome(t, text, get); got != table[i][j] {
					t.Errorf("%s is %s; want %s", text, got, table[i][j])
				}
			}
		}
	}
	for i, want := range []string{"false", "true", "unknown"} {
		if got := outcome(t, "NOT "+conditions[i], get); got != want {
			t.Errorf("NOT %s is %s; want %s", conditions[i], got, want)
		}
	}
}

// The empty text, blanks, the zero Selector and nil select every message.
func TestNoSelectorSelectsEverything(t *testing.T) {
	for _, text := range []string{"", " ", "\t\r\n\f "} {
		s, err := Parse(text)
		if err != nil || !s.Matches(message("")) || s.String() != "" {
			t.Errorf("%q is %q, %v", text, s, err)
		}
	}
	var none *Selector
	if !none.Matches(message("")) || none.String() != "" || !new(Selector).Matches(message("")) || new(Selector).String() != "" {
		t.Error("no selector does not select everything")
	}
}

// One selector serves many goroutines.
func TestSelectorIsShared(t *testing.T) {
	s, err := Parse("a + 1 > 3 AND b LIKE 'x%y_' AND c IN ('1','2','3','4','5','6','7','8','9') OR JMSPriority BETWEEN 8 AND 9")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				if !s.Matches(message("a=5 b=x-y! c=3")) || s.Matches(message("a=2 b=x")) || s.String() == "" {
					t.Error("it is not the same for everybody")
				}
			}
		})
	}
	all.Wait()
}

// Matches allocates nothing, nor does it make its caller allocate what it looks headers up with.
func TestMatchesAllocatesNothing(t *testing.T) {
	for _, text := range []string{
		"type = 'order'",
		"JMSPriority > 4 AND \"content-type\" LIKE 'text/%'",
		"region IN ('a','b','c','d','e','f','g','h','eu') AND NOT (amount * 2 BETWEEN 5 AND 10.5)",
		"missing > 5 OR type > 5 OR amount = other OR type = other OR text LIKE '%o_l%' OR missing IS NULL",
	} {
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		fields := []string{"type", "order", "amount", "12.5", "other", "12.50", "region", "eu", "content-type", "text/plain", "priority", "5", "text", "hello world"}
		matched := false
		allocations := testing.AllocsPerRun(100, func() {
			local := fields // as a subscription would have it: one lookup for each message
			matched = s.Matches(func(name string) (string, bool) {
				for i := 0; i < len(local); i += 2 {
					if local[i] == name {
						return local[i+1], true
					}
				}
				return "", false
			})
		})
		if !matched || allocations != 0 {
			t.Errorf("%s: matches is %v, with %v allocations", text, matched, allocations)
		}
	}
}
