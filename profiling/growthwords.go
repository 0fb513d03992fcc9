package profiling

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// size says bytes in words, as 11 MB or 1.6 MB.
func size(n int64) string {
	units := []string{"bytes", "KB", "MB", "GB", "TB"}
	f := float64(n)
	unit := 0
	for f >= 999.5 && unit < len(units)-1 {
		f /= 1000
		unit++
	}
	if unit > 0 && f < 9.95 {
		return fmt.Sprintf("%.1f %s", f, units[unit])
	}
	return fmt.Sprintf("%.0f %s", f, units[unit])
}

// count writes a number with a comma at each thousand.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// signed writes a difference; in tells how its amount is written.
func signed(n int64, in func(int64) string) string {
	switch {
	case n > 0:
		return "+" + in(n)
	case n < 0:
		return "−" + in(-n)
	default:
		return "±0"
	}
}

// lasting says a time in words, rounded to a unit that suits it.
func lasting(d time.Duration) string {
	of := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return count(n) + " " + unit + "s"
	}
	switch {
	case d < 55*time.Second:
		return of(int64(d.Round(time.Second)/time.Second), "second")
	case d < 90*time.Minute:
		return of(int64(d.Round(time.Minute)/time.Minute), "minute")
	case d < 36*time.Hour:
		return of(int64(d.Round(time.Hour)/time.Hour), "hour")
	default:
		return of(int64(d.Round(24*time.Hour)/(24*time.Hour)), "day")
	}
}

// heading says in words what grew, and who is most of it.
func (c *Comparison) heading() string {
	when := "In the last " + strings.TrimPrefix(lasting(c.Since()), "1 ")
	return when + " live heap " + c.moved(ByBytes, size) + "."
}

// objectsHeading says the same of objects: many small ones take few bytes.
func (c *Comparison) objectsHeading() string {
	return "The number of objects in use " + c.moved(ByObjects, count) + "."
}

// goroutinesHeading says the same of goroutines.
func (c *Comparison) goroutinesHeading() string {
	said := "The number of goroutines " + c.moved(ByGoroutines, count)
	if !c.GoroutinesBlamed {
		return said + "; there are too many to say whose they are."
	}
	return said + "."
}

func (c *Comparison) moved(by Column, in func(int64) string) string {
	total := by.of(c.Total)
	said := "stayed the same"
	if total > 0 {
		said = "grew by " + in(total)
	} else if total < 0 {
		said = "shrank by " + in(-total)
	}
	grown := slices.DeleteFunc(c.grown(by), Growth.nameless)
	if len(grown) == 0 {
		return said
	}
	top := slices.MinFunc(grown, by.compare)
	most := "most by "
	if total <= 0 {
		most = "most growth by "
	}
	said += "; " + most + top.named(by, in)
	own := slices.DeleteFunc(grown, func(g Growth) bool { return !g.Own })
	if !top.Own && len(own) > 0 { // whoever reads this can change our own code soonest
		said += "; of our own functions, most by " + slices.MinFunc(own, by.compare).named(by, in)
	}
	return said
}

// named says who, and by how much.
func (g Growth) named(by Column, in func(int64) string) string {
	name := g.Function
	if g.Route != "" {
		name += " (" + g.Route + ")"
	}
	return name + ", " + signed(by.of(g), in)
}
