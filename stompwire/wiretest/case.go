package wiretest

import (
	"slices"

	"stampede/stompwire"
)

// Topic is one of the points of the protocol that the tables are ordered by.
type Topic string

// The topics, in the order in which a reader of the specification meets them.
const (
	TopicVersions        Topic = "versions"
	TopicEscaping        Topic = "escaping"
	TopicColons          Topic = "colons"
	TopicTrimming        Topic = "trimming"
	TopicRepeatedHeaders Topic = "repeated headers"
	TopicContentLength   Topic = "content-length"
	TopicBodies          Topic = "bodies"
	TopicEndOfLine       Topic = "end of line"
	TopicCommands        Topic = "commands"
	TopicBeforeConnect   Topic = "before CONNECT"
	TopicHost            Topic = "host"
	TopicLogin           Topic = "login"
	TopicHeartBeats      Topic = "heart-beats"
	TopicSizeLimits      Topic = "size limits"
)

// Topics gives all topics.
func Topics() []Topic {
	return []Topic{
		TopicVersions, TopicEscaping, TopicColons, TopicTrimming, TopicRepeatedHeaders, TopicContentLength,
		TopicBodies, TopicEndOfLine, TopicCommands, TopicBeforeConnect, TopicHost, TopicLogin, TopicHeartBeats,
		TopicSizeLimits,
	}
}

// Case is octets that a reader gets from the beginning of a stream, and what they
// mean.
type Case struct {
	// Name is the behaviour, fit for t.Run and unique in the table.
	Name  string
	Topic Topic
	// Clause is the part of the specification, such as "1.2 §Value Encoding". An
	// error names this very clause.
	Clause string
	// Version is what the reader speaks. 0 is the CONNECT phase: there is none yet.
	Version stompwire.Version
	// Limits are the reader's; zero fields stand for the defaults.
	Limits stompwire.Limits
	Input  []byte

	// Frames are the frames that come out, before the error if there is one.
	Frames []stompwire.Frame
	// Error is a part of the problem that ends the stream; "" if the input is
	// accepted.
	Error string
	// Offset is where the error says that it is, in octets.
	Offset int64
	// Limit is the name of the limit that the error says was passed, or "".
	Limit string
	// HeartBeats is the number of ends of line between frames.
	HeartBeats uint64
	// Partial is whether an unfinished frame is left at the end.
	Partial bool
}

// Refused reports whether the input ends in an error.
func (c Case) Refused() bool { return c.Error != "" }

// LiveDestination is where the SENDs of the cases go that can be played to a broker.
const LiveDestination = "/topic/wiretest"

// Live reports whether Input can be played to a broker with default limits by a
// client that is connected in c.Version: it has no frames but SENDs to
// LiveDestination, which a subscriber there gets as MESSAGEs, up to the fault if
// there is one, which the broker answers with an ERROR.
func (c Case) Live() bool {
	if c.Version == 0 || c.Limits != (stompwire.Limits{}) || c.Partial {
		return false
	}
	return !slices.ContainsFunc(c.Frames, func(f stompwire.Frame) bool {
		to, _ := f.Header.Get("destination")
		return f.Command != stompwire.Send || to != LiveDestination
	})
}

// Cases gives all cases.
func Cases() []Case {
	return slices.Concat(
		versionCases(),
		escapingCases(),
		colonCases(),
		trimmingCases(),
		repeatedCases(),
		lengthCases(),
		bodyCases(),
		lineCases(),
		commandCases(),
		heartBeatCases(),
		limitCases(),
	)
}

// Versions of the protocol, for cases that say the same about several.
var (
	all    = []stompwire.Version{stompwire.V10, stompwire.V11, stompwire.V12}
	since1 = []stompwire.Version{stompwire.V11, stompwire.V12}
)

// each gives c once for each version, the version added to its name.
func each(versions []stompwire.Version, c Case) []Case {
	cases := make([]Case, len(versions))
	for i, v := range versions {
		cases[i] = c
		cases[i].Name += " in " + v.String()
		cases[i].Version = v
	}
	return cases
}

// accepted is frames.
func accepted(f ...stompwire.Frame) []stompwire.Frame { return f }

// frame makes a frame of a command, names and values in turn, and a body.
func frame(c stompwire.Command, body string, namesAndValues ...string) stompwire.Frame {
	f := stompwire.Frame{Command: c}
	for i := 0; i < len(namesAndValues); i += 2 {
		f.Header = append(f.Header, stompwire.Field{Name: namesAndValues[i], Value: namesAndValues[i+1]})
	}
	if body != "" {
		f.Body = []byte(body)
	}
	return f
}

// send is a SEND to LiveDestination with further names and values in turn.
func send(body string, namesAndValues ...string) stompwire.Frame {
	return frame(stompwire.Send, body, append([]string{"destination", LiveDestination}, namesAndValues...)...)
}

// sendInput is the octets of a SEND to LiveDestination: more header lines, each with
// its end of line, then a body, then NUL.
func sendInput(lines, body string) []byte {
	return []byte("SEND\ndestination:" + LiveDestination + "\n" + lines + "\n" + body + "\x00")
}

// sendAt is the offset in sendInput of the first octet of lines.
const sendAt = int64(len("SEND\ndestination:" + LiveDestination + "\n"))
