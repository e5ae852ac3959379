fn main() -> std::process::ExitCode {
    selleasi::main()
}
