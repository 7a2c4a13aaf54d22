defmodule Guildhall.ContributingTest do
  use ExUnit.Case, async: true

  # CONTRIBUTING.md names the test for every item of the protocol; a test that was renamed or removed
  # must not leave its name behind.

  test "every test that is named is there" do
    named = Regex.scan(~r/`([^`]*_test\.exs)`((?: "[^"]+",?)*)/, File.read!("CONTRIBUTING.md"))
    assert length(named) > 40

    for [_all, file, names] <- named do
      assert File.exists?(path(file)), "#{file} is named and not there"
      source = File.read!(path(file))

      for [_all, name] <- Regex.scan(~r/"([^"]+)"/, names),
          part <- String.split(name, "...", trim: true) do
        assert source =~ String.trim(part), "#{file} has no test #{inspect(name)}"
      end
    end
  end

  defp path("test/" <> _rest = file), do: file
  defp path(file), do: Path.expand(file, "test/guildhall/gateway")
end
