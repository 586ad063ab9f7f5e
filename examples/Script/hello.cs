#!/usr/bin/env dotnet
#:project ../../src/TestHarness/TestHarness.csproj
#:property PublishAot=false

using TestHarness;

await using var vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "tiny" });
ShellResult result = await vm.Shell.RunAsync("uname -sr");
Console.WriteLine(result.StandardOutput.Trim());
