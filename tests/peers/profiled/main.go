// Command profiled is the broker with the profiles of the Go runtime at http://localhost:6060/debug/pprof/, which the
// command itself does not have: they are for those who look for where its time goes.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"

	"stampede/actors"
	"stampede/config"
)

func main() {
	listen := flag.String("listen", "localhost:61613", "where STOMP is spoken")
	profiles := flag.String("profiles", "localhost:6060", "where the profiles are")
	mutex := flag.Int("mutex", 0, "one in so many contentions is profiled; 0: none")
	flag.Parse()
	runtime.SetMutexProfileFraction(*mutex)
	go func() { log.Fatal(http.ListenAndServe(*profiles, nil)) }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg := config.Default()
	cfg.Listen[0].Address = *listen
	broker, err := actors.Start(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("STOMP on", broker.Addrs())
	<-ctx.Done()
	if err := broker.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}
