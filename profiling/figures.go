package profiling

import (
	"math"
	"runtime/metrics"
)

// Figures say how much memory this process takes, and how many goroutines it has. Bytes, unless said otherwise.
type Figures struct {
	Resident   int64 // memory of the kernel's; it does not fall when memory is freed, so a rise alone means little
	HeapLive   int64 // what the last garbage collection found in use
	HeapInUse  int64 // objects, dead ones too, and the gaps between them
	HeapGoal   int64 // the next collection begins here
	Stacks     int64
	Goroutines int64 // their number
}

// Meter reads [Figures]. A reading costs some microseconds. It is for one goroutine at a time; Close it.
type Meter struct {
	samples  []metrics.Sample
	resident residentMeter
}

// The samples of a Meter, in their order.
const (
	sampleLive = iota
	sampleObjects
	sampleUnused
	sampleGoal
	sampleStacks
	sampleGoroutines
	sampleTotal
	sampleReleased
)

// NewMeter returns a Meter.
func NewMeter() *Meter {
	m := &Meter{samples: make([]metrics.Sample, sampleReleased+1)}
	for i, name := range map[int]string{
		sampleLive:       "/gc/heap/live:bytes",
		sampleObjects:    "/memory/classes/heap/objects:bytes",
		sampleUnused:     "/memory/classes/heap/unused:bytes",
		sampleGoal:       "/gc/heap/goal:bytes",
		sampleStacks:     "/memory/classes/heap/stacks:bytes",
		sampleGoroutines: "/sched/goroutines:goroutines",
		sampleTotal:      "/memory/classes/total:bytes",
		sampleReleased:   "/memory/classes/heap/released:bytes",
	} {
		m.samples[i].Name = name
	}
	m.resident.open()
	return m
}

// Read takes a reading.
func (m *Meter) Read() Figures {
	metrics.Read(m.samples)
	f := Figures{
		HeapLive:   m.sample(sampleLive),
		HeapInUse:  m.sample(sampleObjects) + m.sample(sampleUnused),
		HeapGoal:   m.sample(sampleGoal),
		Stacks:     m.sample(sampleStacks),
		Goroutines: m.sample(sampleGoroutines),
	}
	var known bool
	if f.Resident, known = m.resident.read(); !known { // what the runtime has of the system is near it
		f.Resident = m.sample(sampleTotal) - m.sample(sampleReleased)
	}
	return f
}

func (m *Meter) sample(i int) int64 {
	if m.samples[i].Value.Kind() != metrics.KindUint64 {
		return 0 // a later Go may not know the name
	}
	return int64(min(m.samples[i].Value.Uint64(), math.MaxInt64))
}

// Close lets go of what Read needs.
func (m *Meter) Close() error { return m.resident.close() }
