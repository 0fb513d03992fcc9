package config_test

import (
	"strings"
	"testing"

	"plateau/config"
)

func TestTraceSettingsFromEverySource(t *testing.T) {
	want := config.Default()
	if want.OTelEndpoint != "" || want.OTelSampleRatio != 1 {
		t.Errorf("the defaults are %q and %v", want.OTelEndpoint, want.OTelSampleRatio)
	}
	want.OTelEndpoint, want.OTelSampleRatio = "https://otel.example:4318/in", 0.05
	wantFromEverySource(t, want, [][2]string{
		{"otel-endpoint", "https://otel.example:4318/in"},
		{"otel-sample-ratio", "0.05"},
	})
}

func TestWrongTraceValues(t *testing.T) {
	for name, values := range map[string][]string{
		"otel-endpoint":     {"localhost:4318", "grpc://localhost:4317", "http://", "http://u:p@localhost:4318", "http://localhost:4318/#x"},
		"otel-sample-ratio": {"", "-0.1", "1.1", "NaN", "Inf", "5%"},
	} {
		for _, value := range values {
			got := mistakes(t, config.Sources{Args: []string{"--" + name + "=" + value}})
			if len(got) != 1 || !strings.HasPrefix(got[0], name+" ") || !strings.Contains(got[0], "must be ") {
				t.Errorf("--%s=%q: %q", name, value, got)
			}
		}
	}
}
