package stompwire

// Held is how many octets of memory d holds for an unfinished frame.
func (d *Decoder) Held() int { return cap(d.head) + cap(d.body) }
