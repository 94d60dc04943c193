package stompwire

// Limits bound what one frame may cost its reader. A limit that is 0 or negative
// stands for the one of [DefaultLimits]: there is no way to have none.
type Limits struct {
	// MaxHeaders is the number of header lines.
	MaxHeaders int
	// MaxHeaderBytes is the length of one header line in octets, as it is on the wire:
	// escaped, without its end of line.
	MaxHeaderBytes int
	// MaxHeaderBlockBytes is the length in octets of the command and all header lines, their
	// ends of line included; the blank line is not counted.
	MaxHeaderBlockBytes int
	// MaxBodyBytes is the length of the body in octets.
	MaxBodyBytes int
}

// DefaultLimits gives 64 header lines of 16 KiB each, 64 KiB together, and
// a body of 64 MiB.
func DefaultLimits() Limits {
	return Limits{
		MaxHeaders:          64,
		MaxHeaderBytes:      16 << 10,
		MaxHeaderBlockBytes: 64 << 10,
		MaxBodyBytes:        64 << 20,
	}
}

// orDefaults fills what is not set.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	if l.MaxHeaders <= 0 {
		l.MaxHeaders = d.MaxHeaders
	}
	if l.MaxHeaderBytes <= 0 {
		l.MaxHeaderBytes = d.MaxHeaderBytes
	}
	if l.MaxHeaderBlockBytes <= 0 {
		l.MaxHeaderBlockBytes = d.MaxHeaderBlockBytes
	}
	if l.MaxBodyBytes <= 0 {
		l.MaxBodyBytes = d.MaxBodyBytes
	}
	return l
}
