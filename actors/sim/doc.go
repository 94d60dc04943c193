// Package sim runs a whole broker, and those who use it, under one number.
//
// It is the broker that also serves real sockets, with nothing replaced but what decides on order: its
// actors, the readers and write loops of its connections, its timers and the octets between it and its
// clients are stepped one at a time, in an order that is drawn from a seed. Time is virtual: it moves on
// when nothing else is left to do, and now and then before. So a run of a minute's worth of timeouts
// takes milliseconds, and whatever goes wrong in it goes wrong again with the same seed.
//
//	result := sim.Run(42, sim.Options{}, func(w *sim.World) {
//		w.Go("client", func() {
//			c := w.Dial(sim.Link{})
//			io.WriteString(c, "CONNECT\naccept-version:1.2\nhost:sim\n\n\x00")
//			…
//		})
//	})
//	if result.Err() != nil { … }
//
// The functions that are given to Run and [World.Go] run beside each other and beside the broker, but
// never two of them at once: they need no locks. What they wait for they must wait for with the methods of
// World and Conn. A goroutine, a channel that blocks, the wall clock, a map's order, or random numbers
// from elsewhere than [World.Rand] would bring chance back in.
package sim
