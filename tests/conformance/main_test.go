package conformance

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Cases wait for timers more than for the processor, so many may run at once; and when all is over nothing may be left.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" || f.Name == "test.fuzz" })
	if !given {
		_ = flag.Set("test.parallel", "12")
	}
	code := m.Run()
	if code == 0 {
		// The actor library counts dead letters in periods of a second, each with a goroutine that ends by itself.
		counting := goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1")
		if err := goleak.Find(counting); err != nil {
			println("goroutines are left over: " + err.Error())
			code = 1
		}
	}
	os.Exit(code)
}
