package profiling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/felixge/fgprof"
)

// Evidence saves what shows why memory or goroutines grow. The zero value of a field with a default means the default.
type Evidence struct {
	// Folder keeps it. Required.
	Folder *Folder
	// Sample is for how long fgprof samples. Default 5 s.
	Sample time.Duration
	// MaxGoroutines is above which number fgprof does not sample: it would take a whole core. Default 5,000.
	MaxGoroutines int
	// Turn asks whether fgprof may run now, and keeps others away until done. If it is nil, it may.
	Turn func() (done func(), ok bool)
}

// Save saves a heap and a goroutine profile, in pprof's format and compressed; one that is empty is left out. It waits no
// longer for the disk than [Folder.Save] does, also when ctx has ended before. After an error the paths are of what was saved.
func (e Evidence) Save(ctx context.Context, cause string, heap, goroutines []byte) ([]string, error) {
	if e.Folder == nil {
		return nil, errors.New("save evidence: Folder is nil")
	}
	var parts []Part
	for _, p := range []Part{{"heap.pb.gz", heap}, {"goroutine.pb.gz", goroutines}} {
		if len(p.Data) > 0 {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return e.Folder.Save(ctx, cause, parts...)
}

// SaveSample samples all goroutines, those that wait too, and saves that, unless there are too many of them, or it is not its
// turn: then there are no paths. It takes [Evidence.Sample], so it is for when all else is done. When ctx ends, sampling does,
// and what it has is saved.
func (e Evidence) SaveSample(ctx context.Context, cause string) ([]string, error) {
	if e.Folder == nil {
		return nil, errors.New("save evidence: Folder is nil")
	}
	sampled, err := e.sample(ctx)
	if err != nil || len(sampled) == 0 {
		return nil, err
	}
	return e.Folder.Save(ctx, cause, Part{"fgprof.pb.gz", sampled})
}

// sample returns nothing if it is better not to.
func (e Evidence) sample(ctx context.Context) ([]byte, error) {
	most, length := e.MaxGoroutines, e.Sample
	if most == 0 {
		most = 5000
	}
	if length == 0 {
		length = 5 * time.Second
	}
	if runtime.NumGoroutine() > most || ctx.Err() != nil {
		return nil, nil
	}
	if e.Turn != nil {
		done, ok := e.Turn()
		if !ok {
			return nil, nil
		}
		defer done()
	}
	var b bytes.Buffer
	stop := recovered(fgprof.Start(&b, fgprof.FormatPprof))
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if err := stop(); err != nil {
		return nil, fmt.Errorf("sample goroutines: %w", err)
	}
	return b.Bytes(), nil
}
