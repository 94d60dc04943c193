package sim_test

import (
	"fmt"
	"io"
	"strings"

	"stampede/actors/faults"
	"stampede/actors/sim"
)

// A message is sent, the queue's actor is killed as it is about to take it, and it arrives all the same: in this order of
// steps, and in any other.
func Example() {
	system := sim.NewSystem() // for all runs
	for seed := range uint64(100) {
		plan := faults.New(seed, faults.Rule{Do: faults.Kill, Role: "destination", Message: "publish", Nth: 1})
		r := sim.Run(seed, sim.Options{Faults: plan, System: system}, func(w *sim.World) {
			c := w.Dial(sim.Link{Name: "c"})
			io.WriteString(c, "CONNECT\naccept-version:1.2\nhost:sim\n\n\x00")
			io.WriteString(c, "SUBSCRIBE\nid:1\ndestination:/queue/a\n\n\x00")
			io.WriteString(c, "SEND\ndestination:/queue/a\n\nhello\x00")
			heard, buffer := "", make([]byte, 1024)
			for !strings.Contains(heard, "hello") {
				n, err := c.Read(buffer)
				if err != nil {
					w.Fail("%v", err)
					return
				}
				heard += string(buffer[:n])
			}
		})
		if err := r.Err(); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("done")
	// Output: done
}
