defmodule Guildhall.ContributingTest do
  use ExUnit.Case, async: true

  # CONTRIBUTING.md names the test for every item of the protocol; a test that was renamed or removed
  # must not leave its name behind.

  test "every test that is named is there" do
    named =
      for line <- "CONTRIBUTING.md" |> File.read!() |> String.split("\n"),
          [files, names] <-
            Regex.scan(~r/((?:`[^`]*_test\.exs`(?:, )?)+)((?: ?"[^"]+"(?:, )?)*)/, line,
              capture: :all_but_first
            ),
          file <- Regex.scan(~r/`([^`]+)`/, files, capture: :all_but_first) do
        {file |> hd() |> path(),
         for([name] <- Regex.scan(~r/"([^"]+)"/, names, capture: :all_but_first), do: name)}
      end

    assert length(named) > 40

    for {file, names} <- named do
      assert File.exists?(file), "#{file} is named and not there"
      source = File.read!(file)

      for name <- names, part <- String.split(name, "...", trim: true) do
        assert source =~ String.trim(part), "#{file} has no test #{inspect(name)}"
      end
    end
  end

  defp path("test/" <> _rest = file), do: file
  defp path(file), do: Path.expand(Path.join("test/guildhall/gateway", file))
end
