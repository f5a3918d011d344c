// Reads dashboards with Grafana's own types, strictly: what is unknown or lacking is named. Run by deploy/check.sh.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		board := dashboard.Dashboard{}
		for _, err := range []error{board.UnmarshalJSONStrict(text), board.Validate()} {
			// Both give an error without words where nothing is wrong.
			if err != nil && err.Error() != "" {
				fmt.Fprintln(os.Stderr, path+":", err)
				os.Exit(1)
			}
		}
	}
}
