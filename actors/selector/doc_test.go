package selector

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The examples, the answers to mistakes and the names in docs/selectors.md are what the page says they are.
func TestPageForUsersIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/selectors.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	examples, mistakes, names := 0, 0, 0
	section := ""
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "|") && section == "" {
			section = line
			continue
		} else if !strings.HasPrefix(line, "|") {
			section = ""
			continue
		}
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		switch {
		case strings.HasPrefix(cells[0], "---"):
		case strings.HasPrefix(section, "| you want "):
			for _, example := range code.FindAllStringSubmatch(cells[1], -1) {
				examples++
				if _, err := Parse(example[1]); err != nil {
					t.Errorf("%s: %v", example[1], err)
				}
			}
		case strings.HasPrefix(section, "| selector "):
			mistakes++
			if _, err := Parse(strings.Trim(cells[0], "`")); err == nil || err.Error() != cells[1] {
				t.Errorf("%s: %v", cells[0], err)
			}
		case strings.HasPrefix(section, "| name "):
			names++
			f := fieldOf(strings.Trim(cells[0], "`"))
			if f == nil || f.header != strings.Trim(cells[1], "`") {
				t.Errorf("%s is not %s", cells[0], cells[1])
			} else if absent := strings.Trim(strings.Split(cells[2], ";")[0], "`'"); absent != f.absent && (absent != "NULL" || f.absent != "") {
				t.Errorf("%s is %q where there is no header, not %q", f.jms, f.absent, absent)
			}
		}
	}
	if examples < 10 || mistakes < 5 || names != len(fields) {
		t.Errorf("found %d examples, %d mistakes and %d names", examples, mistakes, names)
	}
}
