package transport

import "stampede/stompwire"

// ConnectLimits returns the limits that hold before a connection is admitted
// when ActorOptions name no others: enough for a CONNECT with a token, and for
// an early SEND to be told what is wrong with it.
func ConnectLimits() stompwire.Limits {
	return stompwire.Limits{
		MaxHeaders:          32,
		MaxHeaderBytes:      8 << 10,
		MaxHeaderBlockBytes: 16 << 10,
		MaxBodyBytes:        4 << 10,
	}
}

// connectLimits fills what l leaves open from ConnectLimits.
func connectLimits(l stompwire.Limits) stompwire.Limits {
	d := ConnectLimits()
	for _, f := range []struct {
		is  *int
		def int
	}{
		{&l.MaxHeaders, d.MaxHeaders},
		{&l.MaxHeaderBytes, d.MaxHeaderBytes},
		{&l.MaxHeaderBlockBytes, d.MaxHeaderBlockBytes},
		{&l.MaxBodyBytes, d.MaxBodyBytes},
	} {
		if *f.is <= 0 {
			*f.is = f.def
		}
	}
	return l
}
