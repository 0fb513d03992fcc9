package profiling

import (
	"fmt"
	"runtime"
)

// flameKind is a kind of profile that is shown as a flame graph.
type flameKind struct {
	name  string
	shows string    // what one sees, in words
	timed *recorder // nil: it is there at once
	fresh bool      // it is as of the last garbage collection, so one is run before it
	diffs bool      // captures keep it, so that an earlier one can be subtracted
	// empty says in words why a profile is empty.
	empty func() string
}

// flameSeconds is how long a timed kind runs when the address does not say.
const flameSeconds = 5

func (o Options) flameKinds() []flameKind {
	busy, waiting := cpu(), wallClock()
	busy.fallback, waiting.fallback = flameSeconds, flameSeconds
	because := func(why string) func() string { return func() string { return why } }
	return []flameKind{
		{
			name: "cpu", shows: "where the processors' time goes", timed: &busy,
			empty: because("The process did next to nothing meanwhile: 100 times a second it is looked at, and not once did it run."),
		},
		{name: "heap", shows: "who allocated what is in use", fresh: true, diffs: true, empty: because("No allocation was sampled yet.")},
		{name: "allocs", shows: "who allocated most since the start", fresh: true, empty: because("No allocation was sampled yet.")},
		{name: "goroutine", shows: "where the goroutines are", diffs: true, empty: because("There are no goroutines.")},
		{
			name: "fgprof", shows: "where time goes, waiting included", timed: &waiting,
			empty: because("No sample was taken: the time was too short, or the machine too busy."),
		},
		{
			name: "mutex", shows: "who holds locks that others wait for",
			empty: func() string { return recorded("mutex", o.MutexOn(), o.MutexFlag, "waited for a lock") },
		},
		{
			name: "block", shows: "where goroutines wait for channels and locks",
			empty: func() string { return recorded("block", o.BlockOn(), o.BlockFlag, "waited long enough to be seen") },
		},
	}
}

// mutexRecorded asks the runtime.
func mutexRecorded() bool { return runtime.SetMutexProfileFraction(-1) > 0 }

// recorded says why a profile that has to be turned on is empty.
func recorded(name string, on bool, flag, what string) string {
	switch {
	case on:
		return "Nothing " + what + " yet."
	case flag == "":
		return fmt.Sprintf("The %s profile is off, so nothing was recorded.", name)
	default:
		return fmt.Sprintf("The %s profile is off, so nothing was recorded: %s turns it on.", name, flag)
	}
}
