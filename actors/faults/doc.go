// Package faults breaks a broker on purpose: it kills and delays its actors, loses, repeats and swaps frames of
// clients. What is broken when is said by rules, and where they leave it to chance, a seed decides, so that a run can
// be repeated.
//
//	plan := faults.New(42,
//		faults.Rule{Do: faults.Kill, Role: "destination", Destination: "/queue/orders", Nth: 3},
//		faults.Rule{Do: faults.Drop, Command: "ACK", Probability: 0.1},
//	)
//	broker, err := actors.Start(ctx, cfg, actors.WithFaults(plan))
//
// Each fault is an actors.EventFault, and what supervision makes of it are further events. docs/faults.md has examples,
// the names of roles and messages, and what each fault can cost.
package faults
