package access

import "strings"

// Pattern is a compiled pattern of destinations, in the language of wildcard subscriptions, and for queues and plain names
// too. Levels are separated by dots: * is any one level, # or > at the end any further levels or none. What a name begins
// with, /queue/ or /topic/ or neither, has to be the same; only # or > alone matches whatever there is.
//
// {user} stands for the name of the user, as a part of a level. In it the octets that mean something in a name, and the
// percent sign, are written as in a URL, so that no name reaches into other levels: the {user} of a@b.example is
// a@b%2Eexample.
type Pattern struct {
	everything bool
	prefix     string
	levels     []level
	rest       bool // any further levels, or none
}

type level struct {
	any  bool
	text string
}

// compile makes a pattern of a text for one user. What is not a pattern (see config.BadPattern) matches nothing more than
// it says literally.
func compile(text, user string) Pattern {
	if isRest(text) {
		return Pattern{everything: true}
	}
	p := Pattern{}
	prefix, names := split(text)
	p.prefix = prefix
	parts := strings.Split(names, ".")
	for i, part := range parts {
		switch {
		case isRest(part) && i == len(parts)-1:
			p.rest = true
		case part == "*":
			p.levels = append(p.levels, level{any: true})
		default:
			p.levels = append(p.levels, level{text: strings.ReplaceAll(part, "{user}", encode(user))})
		}
	}
	return p
}

func isRest(s string) bool { return s == "#" || s == ">" }

// encode keeps a user's name within one level.
func encode(user string) string {
	return strings.NewReplacer("%", "%25", ".", "%2E", "*", "%2A", "#", "%23", ">", "%3E", "/", "%2F").Replace(user)
}

// split takes a destination's name apart into its prefix and its levels.
func split(name string) (prefix, levels string) {
	for _, prefix := range []string{"/queue/", "/topic/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return prefix, rest
		}
	}
	return "", name
}

// Matches tells whether a name matches. Wildcards in it are letters like any other.
func (p *Pattern) Matches(name string) bool {
	return p.everything || p.covers(name, false)
}

// Covers tells whether every name that a pattern matches matches p too.
func (p *Pattern) Covers(pattern string) bool {
	return p.everything || p.covers(pattern, true)
}

// covers goes through the levels of a name, or of a pattern if wild.
func (p *Pattern) covers(name string, wild bool) bool {
	prefix, names := split(name)
	if prefix != p.prefix {
		return false
	}
	more := true
	for i := range p.levels {
		if !more {
			return false
		}
		var part string
		part, names, more = strings.Cut(names, ".")
		switch l := &p.levels[i]; {
		case wild && !more && isRest(part):
			return false // it goes deeper than this level says, or ends above it
		case l.any:
		case wild && part == "*", part != l.text:
			return false
		}
	}
	return p.rest || !more
}
