import ModelctlCommands

Modelctl.runAndExit()
