package selector

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// A mistake is told by the position of the character it is at, what was expected there and what stood there.
func TestMistakes(t *testing.T) {
	for subject, cases := range map[string][]struct {
		selector string
		position int
		problem  string
	}{
		"structure": {
			{"a", 0, ""},
			{"a =", 4, "expected a name or a value, found the end"},
			{"a = ", 5, "expected a name or a value, found the end"},
			{"= 5", 1, "expected a name or a value, found ="},
			{"a b", 3, "expected an operator or the end, found b"},
			{"a = 1 b = 2", 7, "expected an operator or the end, found b"},
			{"a = 1 = 2", 7, "expected an operator or the end, found ="},
			{"a AND", 6, "expected a name or a value, found the end"},
			{"a AND OR b", 7, "expected a name or a value, found OR"},
			{"(a = 1", 7, "expected an operator or ), found the end"},
			{"(a = 1 b", 8, "expected an operator or ), found b"},
			{"a = 1)", 6, "expected an operator or the end, found )"},
			{"()", 2, "expected a name or a value, found )"},
			{"a NOT 5", 7, "expected BETWEEN, IN or LIKE behind NOT, found 5"},
			{"a NOT IS NULL", 7, "expected BETWEEN, IN or LIKE behind NOT, found IS"},
			{"a = NOT b", 5, "expected a name or a value, found NOT (NOT and what it is about stand in parentheses here)"},
			{"a = NULL", 5, "expected a name or a value, found NULL (NULL is found with IS NULL)"},
			{"a IS 5", 6, "expected NULL, found 5"},
			{"a IS NOT TRUE", 10, "expected NULL, found TRUE (that is tested with =)"},
			{"5 IS NULL", 1, "expected the name of a header before IS, found 5"},
			{"äöü = 'ß' x", 11, "expected an operator or the end, found x"},
			{"a\n=\n'b\nc' x", 11, "expected an operator or the end, found x"},
		},
		"words": {
			{"a = 'x", 5, "expected a string that ends with ', found 'x"},
			{"a = 'it''s", 5, "expected a string that ends with ', found 'it''s"},
			{`"a = 5`, 1, `expected a name that ends with ", found "a = 5`},
			{`"" = 5`, 1, `expected a name between the double quotes, found "" (a string stands in single ones)`},
			{"a = 12abc", 5, "expected a number, found 12abc"},
			{"a = 1.2.3", 5, "expected a number, found 1.2.3"},
			{"a = 1e", 5, "expected a number, found 1e"},
			{"a = 0x", 5, "expected a number, found 0x"},
			{"a = 0xfg", 5, "expected a number, found 0xfg"},
			{"a = 1.5L", 5, "expected a number, found 1.5L"},
			{"a = 1_000", 5, "expected a number, found 1_000"},
			{"a = 1AND b", 5, "expected a number, found 1AND"},
			{"a = 010", 5, "expected a number without a 0 in front, found 010 (it is octal by the rules of Java and decimal by those of SQL)"},
			{"a = -00", 5, "expected a number without a 0 in front, found -00 (it is octal by the rules of Java and decimal by those of SQL)"},
			{"a = 9223372036854775808", 5, "expected a number from -9223372036854775808 to 9223372036854775807, found 9223372036854775808 (larger ones need a point: they are approximate)"},
			{"a = -9223372036854775809", 5, "expected a number from -9223372036854775808 to 9223372036854775807, found -9223372036854775809 (larger ones need a point: they are approximate)"},
			{"a = -(9223372036854775808)", 7, "expected a number from -9223372036854775808 to 9223372036854775807, found 9223372036854775808 (larger ones need a point: they are approximate)"},
			{"a = 0xFFFFFFFFFFFFFFFF", 5, "expected a number from -9223372036854775808 to 9223372036854775807, found 0xFFFFFFFFFFFFFFFF (larger ones need a point: they are approximate)"},
			{"a = -1e309", 5, "expected an approximate number up to 1.7976931348623157E308, found -1e309"},
			{"a != 1", 3, "expected <>, found !="},
			{"a == 1", 3, "expected =, found =="},
			{"a && b", 3, "expected a name, a value or an operator, found &"},
			{"a = 1;", 6, "expected a name, a value or an operator, found ;"},
			{"a = 1\x00", 6, `expected a name, a value or an operator, found "\x00"`},
			{"a\u00a0= 1", 2, `expected a name, a value or an operator, found "\u00a0"`},
			{"a = . 5", 5, "expected a name, a value or an operator, found ."},
			{"content-type = 'x'", 1, `expected "content-type" in double quotes, found content-type (a name can't have a - without them)`},
			{"a = 1 AND message-id='x'", 11, `expected "message-id" in double quotes, found message-id (a name can't have a - without them)`},
			{"app.id = 'x'", 1, `expected "app.id" in double quotes, found app.id (a name can't have a . without them)`},
			{"JMSRedelivered = TRUE", 1, "expected one of JMSCorrelationID, JMSDeliveryMode, JMSExpiration, JMSMessageID, JMSPriority, JMSReplyTo, JMSTimestamp, JMSType, found JMSRedelivered (in double quotes it is the header of that name)"},
			{"a = 'é' AND b = '\xff'", 18, `expected UTF-8, found "\xff"`},
			{"a = '\xef'", 6, `expected UTF-8, found "\xef"`},
			{"a = '�' AND", 12, "expected a name or a value, found the end"},
		},
		"types": {
			{"'a'", 1, "expected a condition, found 'a'"},
			{"5", 1, "expected a condition, found 5"},
			{"a + 1", 1, "expected a condition, found a + 1"},
			{"JMSDeliveryMode", 1, "expected a condition, found JMSDeliveryMode (JMSDeliveryMode is 'PERSISTENT' or 'NON_PERSISTENT')"},
			{"a = 1 AND 5", 11, "expected a condition beside AND, found 5"},
			{"'x' OR a = 1", 1, "expected a condition beside OR, found 'x'"},
			{"NOT 'x'", 5, "expected a condition behind NOT, found 'x'"},
			{"'a' + 1 = 2", 1, "expected a number beside +, found 'a'"},
			{"1 - 'a' = 2", 5, "expected a number beside -, found 'a'"},
			{"b * TRUE = 2", 5, "expected a number beside *, found TRUE"},
			{"(a = 1) / 2 = 2", 1, "expected a number beside /, found (a = 1)"},
			{"-'a' = 2", 2, "expected a number behind -, found 'a'"},
			{"+JMSDeliveryMode = 2", 2, "expected a number behind +, found JMSDeliveryMode (JMSDeliveryMode is 'PERSISTENT' or 'NON_PERSISTENT')"},
			{"a / 0 > 1", 5, "expected a divisor other than 0, found 0"},
			{"a / -(0.0) > 1", 5, "expected a divisor other than 0, found -(0.0)"},
			{"5 = 'x'", 5, "expected a number to compare 5 with, found 'x'"},
			{"'x' < 5", 7, "expected a string to compare 'x' with, found 5"},
			{"a + b = 'x'", 9, "expected a number to compare a + b with, found 'x'"},
			{"a + 1 = TRUE", 9, "expected a number to compare a + 1 with, found TRUE"},
			{"(a > 1) = 1", 11, "expected a condition, TRUE or FALSE to compare (a > 1) with, found 1"},
			{"JMSDeliveryMode = 2", 19, "expected a string to compare JMSDeliveryMode with, found 2 (JMSDeliveryMode is 'PERSISTENT' or 'NON_PERSISTENT')"},
			{"TRUE = JMSDeliveryMode", 8, "expected a condition, TRUE or FALSE to compare TRUE with, found JMSDeliveryMode (JMSDeliveryMode is 'PERSISTENT' or 'NON_PERSISTENT')"},
			{"a < 'x'", 3, "expected = or <>, found < (only numbers have an order)"},
			{"TRUE >= a", 6, "expected = or <>, found >= (only numbers have an order)"},
			{"a BETWEEN 'a' AND 'b'", 11, "expected a number behind BETWEEN, found 'a'"},
			{"a BETWEEN 1 AND 'b'", 17, "expected a number as upper bound of BETWEEN, found 'b'"},
			{"'a' BETWEEN 1 AND 2", 1, "expected a number before BETWEEN, found 'a'"},
			{"a BETWEEN 1 OR 2", 13, "expected AND and the upper bound of BETWEEN, found OR"},
			{"a IN 'x'", 6, "expected ( behind IN, found 'x'"},
			{"a IN ()", 7, "expected a string, found ) (IN takes strings and nothing else)"},
			{"a IN ('x', 5)", 12, "expected a string, found 5 (IN takes strings and nothing else)"},
			{"a IN ('x' 'y')", 11, "expected , or ) behind a string of IN, found 'y'"},
			{"'x' IN ('x')", 1, "expected the name of a header before IN, found 'x'"},
			{"5 LIKE 'x'", 1, "expected the name of a header before LIKE, found 5"},
			{"a + 1 LIKE 'x'", 1, "expected the name of a header before LIKE, found a + 1"},
			{"a LIKE 5", 8, "expected a pattern in single quotes behind LIKE, found 5"},
			{"a LIKE b", 8, "expected a pattern in single quotes behind LIKE, found b"},
			{"a LIKE 'x' ESCAPE 5", 19, "expected a string of one character behind ESCAPE, found 5"},
			{"a LIKE 'x' ESCAPE ''", 19, "expected a string of one character behind ESCAPE, found ''"},
			{"a LIKE 'x' ESCAPE '!!'", 19, "expected a string of one character behind ESCAPE, found '!!'"},
			{"a LIKE 'x!y' ESCAPE '!'", 8, "expected %, _ or ! behind each escape character ! of a pattern, found 'x!y'"},
			{"a LIKE 'x!' ESCAPE '!'", 8, "expected %, _ or ! behind each escape character ! of a pattern, found 'x!'"},
		},
	} {
		for _, c := range cases {
			s, err := Parse(c.selector)
			if c.problem == "" {
				if err != nil {
					t.Errorf("%s: %q: %v", subject, c.selector, err)
				}
				continue
			}
			var mistake *SyntaxError
			if !errors.As(err, &mistake) {
				t.Errorf("%s: %q is accepted, as %s", subject, c.selector, s)
				continue
			}
			if mistake.Position != c.position || mistake.Problem != c.problem {
				t.Errorf("%s: %q:\n got %d %s\nwant %d %s", subject, c.selector, mistake.Position, mistake.Problem, c.position, c.problem)
			}
			if _, found, _ := strings.Cut(mistake.Problem, ", found "); !strings.HasPrefix(found, mistake.Text) || (mistake.Text == "") != strings.HasPrefix(found, "the end") {
				t.Errorf("%s: %q: found %q, but the problem is %q", subject, c.selector, mistake.Text, mistake.Problem)
			}
		}
	}
}

// What stood at a mistake is cut to 32 characters in the message, and cannot break out of its line.
func TestMistakesAreShort(t *testing.T) {
	for text, want := range map[string]string{
		"a " + strings.Repeat("é", maxShown):     strings.Repeat("é", maxShown),
		"a " + strings.Repeat("é", maxShown+1):   strings.Repeat("é", maxShown) + "…",
		"a 'x\ny'":                               `"'x\ny'"`,
		"a '" + strings.Repeat("\x01", 50) + "'": `"'` + strings.Repeat(`\x01`, maxShown-1) + `…"`,
	} {
		_, err := Parse(text)
		var mistake *SyntaxError
		if !errors.As(err, &mistake) || mistake.Text != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := Parse("é =")
	if got := err.Error(); got != "at character 4: expected a name or a value, found the end" {
		t.Error(got)
	}
}

// A selector at a limit is accepted, and one beyond it refused at the place where it goes beyond.
func TestLimits(t *testing.T) {
	nested := func(n int, open, in, close string) string {
		return strings.Repeat(open, n) + in + strings.Repeat(close, n)
	}
	operands := func(n int) string { return "a = 0" + strings.Repeat("+a", n) } // 3 + 2n nodes
	list := func(n int) string { return "a IN (''" + strings.Repeat(",''", n-1) + ")" }
	const tooDeep = "expected at most 64 levels of parentheses, NOT and signs, found "
	const tooMany = "expected at most 1024 names, values and operators, found "
	for name, c := range map[string]struct {
		at, beyond string
		position   int
		problem    string
	}{
		"length":      {"a = '" + strings.Repeat("x", MaxLength-6) + "'", "a = '" + strings.Repeat("x", MaxLength-5) + "'", 4097, "expected at most 4096 octets, found 4097"},
		"octets":      {"a = '" + strings.Repeat("é", MaxLength/2-3) + "'", "a = '" + strings.Repeat("é", MaxLength/2-2) + "'", 2051, "expected at most 4096 octets, found 4098"},
		"parentheses": {nested(64, "(", "a", ")"), nested(65, "(", "a", ")"), 65, tooDeep + "("},
		"NOT":         {nested(64, "NOT ", "a", ""), nested(65, "NOT ", "a", ""), 257, tooDeep + "NOT"},
		"signs":       {nested(64, "-", "a", "") + " = 1", nested(65, "-", "a", "") + " = 1", 65, tooDeep + "-"},
		"all of them": {nested(32, "NOT (", "a", ")"), nested(32, "NOT (", "-a = 1", ")"), 161, tooDeep + "-"},
		"nodes":       {"-" + operands(510), operands(511), 1027, tooMany + "a"},
		"wildcards":   {"a LIKE '%a" + strings.Repeat("_", 28) + "%' OR a LIKE '%a____%' OR a LIKE '_%_a__'", "a LIKE '%a" + strings.Repeat("_", 28) + "%' OR a LIKE '%a_____%'", 52, "expected at most 32 _ between % in all patterns together, found '%a_____%'"},
		"strings":     {list(1022), list(1023), 3073, tooMany + "''"},
	} {
		if _, err := Parse(c.at); err != nil {
			t.Errorf("%s: at the limit: %v", name, err)
		}
		_, err := Parse(c.beyond)
		var mistake *SyntaxError
		if !errors.As(err, &mistake) || mistake.Position != c.position || mistake.Problem != c.problem {
			t.Errorf("%s: beyond the limit: %v", name, err)
		}
	}
	// Levels that were left don't count.
	if _, err := Parse(strings.Repeat("NOT (-a = 1) OR ", 100) + "a"); err != nil {
		t.Error(err)
	}
}

// The longest expressions that are let through are evaluated as well.
func TestDeepestExpressions(t *testing.T) {
	get := message("a=1")
	for text, want := range map[string]string{
		"510 = 0" + strings.Repeat("+a", 510):                                   "true",
		strings.Repeat("(", MaxDepth) + "a = 1" + strings.Repeat(")", MaxDepth): "true",
		strings.Repeat("NOT ", MaxDepth-2) + "a = 1":                            "true",
		"a = 2" + strings.Repeat(" OR a = 2", 254) + " OR a = 1":                "true",
		"a = 1" + strings.Repeat(" AND a = 1", 254) + " AND a = 2":              "false",
	} {
		if len(text) > MaxLength {
			t.Fatal("the text is too long")
		}
		s, err := Parse(text)
		if err != nil {
			t.Errorf("%.20s…: %v", text, err)
		} else if got := s.Matches(get); got != (want == "true") {
			t.Errorf("%.20s… is %v", text, got)
		}
	}
}

// The canonical form has capitals, single blanks, one spelling of each number and no needless parentheses.
func TestCanonicalForm(t *testing.T) {
	for text, want := range map[string]string{
		"a=1":                             "a = 1",
		" ( ( a ) ) ":                     "a",
		"not(a)":                          "NOT a",
		"NOT (a = 1)":                     "NOT a = 1",
		"NOT (a AND b)":                   "NOT (a AND b)",
		"(NOT a) AND b":                   "NOT a AND b",
		"a and (b and c)":                 "a AND b AND c",
		"(a or b) or (c or d)":            "a OR b OR c OR d",
		"(a and b) or c":                  "a AND b OR c",
		"(a or b) and c":                  "(a OR b) AND c",
		"(a = 1) = true":                  "(a = 1) = TRUE",
		"a = (b = 1)":                     "a = (b = 1)",
		"(a + b) + c = 0":                 "a + b + c = 0",
		"a + (b + c) = 0":                 "a + (b + c) = 0",
		"a - (b - c) = 0":                 "a - (b - c) = 0",
		"(a * b) / c = 0":                 "a * b / c = 0",
		"a / (b * c) = 0":                 "a / (b * c) = 0",
		"(a + b) * c = 0":                 "(a + b) * c = 0",
		"a + (b * c) = 0":                 "a + b * c = 0",
		"-(a + b) = 0":                    "-(a + b) = 0",
		"-(a * b) = 0":                    "-(a * b) = 0",
		"(-a) * b = 0":                    "-a * b = 0",
		"a-(-b) = 0":                      "a - -b = 0",
		"--a = +-+a":                      "- -a = +-+a",
		"-(5) = - - 5":                    "-5 = 5",
		"+(5) = -(-9223372036854775808)":  "5 = 9.223372036854776e+18",
		"0x10 = 16L":                      "16 = 16",
		"5. = .5d":                        "5.0 = 0.5",
		"1e3 = 1E+30":                     "1000.0 = 1e+30",
		"-0.0 = -0":                       "-0.0 = 0",
		`"a" = "b c"`:                     `a = "b c"`,
		`"and" = "JMSType"`:               `"and" = "JMSType"`,
		`"a""b" = 'a''b'`:                 `"a""b" = 'a''b'`,
		`"content-type" = content - type`: `"content-type" = content - type`,
		"JMSType = type":                  "JMSType = type",
		"a between(1)and 2+3 and b":       "a BETWEEN 1 AND 2 + 3 AND b",
		"a + 1 not between 1 and 2":       "a + 1 NOT BETWEEN 1 AND 2",
		"not a in('x','y')":               "NOT a IN ('x', 'y')",
		"(a)not in('x')":                  "a NOT IN ('x')",
		"a like'%'":                       "a LIKE '%'",
		`a not like '''%' escape '\'`:     `a NOT LIKE '''%' ESCAPE '\'`,
		"a like 'x' escape ''''":          "a LIKE 'x' ESCAPE ''''",
		"a is null or b is  not\tnull":    "a IS NULL OR b IS NOT NULL",
		"not not a":                       "NOT NOT a",
		"true<>FALSE":                     "TRUE <> FALSE",
	} {
		s, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := s.String(); got != want {
			t.Errorf("%s is %s; want %s", text, got, want)
		}
		if again, err := Parse(want); err != nil || again.String() != want {
			t.Errorf("%s becomes %s, %v", want, again, err)
		}
	}
}

// A text in one of the other encodings of the world ends in an error with a position inside of it.
func TestPositionsAreInside(t *testing.T) {
	for _, text := range []string{"\xff", "a\xff", "a = '\xc3", "\xf0\x9f\x98", strings.Repeat("é", MaxLength), strings.Repeat("\x80", MaxLength+1)} {
		_, err := Parse(text)
		var mistake *SyntaxError
		if !errors.As(err, &mistake) || mistake.Position < 1 || mistake.Position > utf8.RuneCountInString(text)+1 {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}
