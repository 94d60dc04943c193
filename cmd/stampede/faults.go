package main

import (
	"log/slog"

	"stampede/actors"
	"stampede/actors/faults"
	"stampede/config"
)

func faultsFlag(f *flags) *string {
	return f.String("faults", "", "break parts of the broker as this `FILE` says, if allow_faults is true")
}

// injected returns what the broker is started with for a schedule of faults; file is empty where there is none.
func injected(file string, cfg *config.Config, log *slog.Logger) ([]actors.Option, error) {
	if file == "" {
		return nil, nil
	}
	if !cfg.AllowFaults {
		return nil, usagef("--faults is refused: the configuration does not say allow_faults = true")
	}
	schedule, err := config.LoadFaults(file)
	if err != nil {
		return nil, err
	}
	log.Warn("faults are injected on purpose", "file", file, "seed", schedule.Seed, "faults", len(schedule.Fault))
	return []actors.Option{actors.WithFaults(faults.FromConfig(schedule))}, nil
}
