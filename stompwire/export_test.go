package stompwire

// Held is how many octets of memory d holds for an unfinished frame.
func (d *Decoder) Held() int {
	if d.unfinished == nil {
		return 0
	}
	return cap(d.head) + cap(d.body)
}
