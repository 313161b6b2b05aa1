@echo Hello from windows
