package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tilltape/tilltape/store/bolt"
)

func compactCommand(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "compact FILE",
		Short: "Take the unused pages out of a log's file",
		Long: "Puts a verified copy without unused pages in the place of a log's file, in one\n" +
			"step, with its mode and owner. No service may have the log open. It needs as\n" +
			"much free space beside the file as the copy takes. The log stays what it is: its\n" +
			"origin, its root and its checkpoints are good afterwards. What interrupts it\n" +
			"leaves the log as it was.",
		Example: "  tilltape compact orders.tilltape",
		Args:    takes("the log's file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := logFile(args[0], "nothing else has unused pages; a database vacuums itself"); err != nil {
				return err
			}
			t.tellHalfMade(args[0])
			meter := t.meter("record")
			size, err := bolt.Compact(cmd.Context(), args[0], meter.of)
			meter.end()
			if err != nil {
				return rescueError(args[0], openError(err))
			}
			_, err = fmt.Fprintf(t.out, "%s %s had %s bytes and has %s\n", t.paint(green, "ok:"), args[0],
				grouped(uint64(size.Before)), grouped(uint64(size.After)))
			return printError(err)
		},
	}
}
