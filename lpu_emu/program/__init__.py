"""Programs: queue texts, SRAM image, bindings, and the files that hold them."""
