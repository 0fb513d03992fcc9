package profiling_test

import (
	"runtime"
	"testing"

	"plateau/profiling"
)

func TestFiguresSeeWhatIsTaken(t *testing.T) {
	m := profiling.NewMeter()
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	runtime.GC()
	before := m.Read()
	taken := make([]byte, 64<<20)
	for i := range taken { // an untouched page is not resident
		taken[i] = 1
	}
	leave := make(chan struct{})
	for range 100 {
		go func() { <-leave }()
	}
	runtime.GC()
	after := m.Read()
	runtime.KeepAlive(taken)
	close(leave)
	const near = 60 << 20
	if grown := after.HeapLive - before.HeapLive; grown < near {
		t.Errorf("live heap: %d bytes more after 64 MiB were taken", grown)
	}
	if grown := after.HeapInUse - before.HeapInUse; grown < near {
		t.Errorf("heap in use: %d bytes more", grown)
	}
	if after.HeapGoal < after.HeapLive || after.Stacks <= 0 {
		t.Errorf("%+v", after)
	}
	if after.Resident < after.HeapLive || after.Resident-before.Resident < near/2 {
		t.Errorf("resident memory: %d after %d", after.Resident, before.Resident)
	}
	if grown := after.Goroutines - before.Goroutines; grown < 100 {
		t.Errorf("goroutines: %d more after 100 began", grown)
	}
}

func BenchmarkFigures(b *testing.B) {
	m := profiling.NewMeter()
	defer func() { _ = m.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Read()
	}
}
