package faults_test

import (
	"context"
	"fmt"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
)

// A queue's actor is killed at the first message for it. Supervision starts it again, the message is tried once more, and
// whoever sent it learns nothing of all that.
func Example() {
	cfg := config.Default()
	cfg.Listen = nil // the program is its only client
	plan := faults.New(42, faults.Rule{Do: faults.Kill, Role: "destination", Message: "publish", Nth: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	broker, err := actors.Start(ctx, cfg, actors.WithFaults(plan))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer broker.Shutdown(ctx)
	events := broker.Events(ctx)
	fmt.Println("sent:", broker.Publish(ctx, "/queue/orders", []byte("one pizza")))
	for seen := 0; seen < 2; {
		if e := <-events; e.Kind.Supervision() {
			fmt.Printf("%s: %s (attempt %d)\n", e.Kind, e.Cause, e.Attempt)
			seen++
		}
	}
	// Output:
	// sent: <nil>
	// fault injected: kill at message publish (attempt 1)
	// restarting: injected: kill at message publish (attempt 1)
}
