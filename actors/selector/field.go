package selector

import "strings"

// field is a header field of JMS that selectors can use, and the header of STOMP behind it.
type field struct {
	jms, header string
	absent      string // what JMS says of a message without the header; "": NULL
}

const (
	persistent    = "PERSISTENT"
	nonPersistent = "NON_PERSISTENT"
	deliveryMode  = "JMSDeliveryMode"
)

// fields is JMS's list of fields for selectors, and JMSReplyTo and JMSExpiration, which other brokers let through too.
var fields = []field{
	{"JMSCorrelationID", "correlation-id", ""},
	{deliveryMode, "persistent", nonPersistent},
	{"JMSExpiration", "expires", "0"},
	{"JMSMessageID", "message-id", ""},
	{"JMSPriority", "priority", "4"},
	{"JMSReplyTo", "reply-to", ""},
	{"JMSTimestamp", "timestamp", ""},
	{"JMSType", "type", ""},
}

func fieldOf(name string) *field {
	for i := range fields {
		if fields[i].jms == name {
			return &fields[i]
		}
	}
	return nil
}

// isReserved tells the names that JMS keeps for header fields. JMSX and JMS_ begin names of properties.
func isReserved(name string) bool {
	return strings.HasPrefix(name, "JMS") && name != "JMS" && !strings.HasPrefix(name, "JMSX") && !strings.HasPrefix(name, "JMS_")
}

func fieldNames() string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].jms
	}
	return strings.Join(names, ", ")
}

// hyphenated are headers of STOMP and of this broker. Without the double quotes they are subtractions by the letter of the
// grammar, and such a selector never matches; nobody means that.
var hyphenated = []string{
	"content-length", "content-type", "correlation-id", "delivery-count", "message-group", "message-id", "reply-to",
}

// value is the field as JMS has it.
func (f *field) value(header string, present bool) (string, bool) {
	switch {
	case f.jms == deliveryMode:
		if present && header == "true" {
			return persistent, true
		}
		return nonPersistent, true
	case present:
		return header, true
	default:
		return f.absent, f.absent != ""
	}
}
