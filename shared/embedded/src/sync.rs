//! When what was written is on disk. SQLite writes each commit to the end of its write-ahead log and does not wait for
//! the disk (`synchronous = NORMAL`); a thread here syncs the log again and again, once for all commits since the last
//! time, and answers wait for it. The log is read from its beginning after a crash and ends where a commit is
//! incomplete, so that what is lost then is always the newest, and nobody was told of it.

use std::{
    fs::File,
    io,
    path::Path,
    process,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tokio::sync::watch;

/// The disk under the write-ahead log.
#[derive(Debug)]
pub(crate) struct Disk {
    shared: Arc<Shared>,
    synced: watch::Receiver<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Transactions that have begun so far, one after the other. What a reader sees is of one of these.
    begun: AtomicU64,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Transactions that have ended: those are in the log.
    ended: u64,
    /// Somebody waits for this one to be on disk.
    wanted: u64,
    is_over: bool,
}

/// A transaction under way, from before its commit until after it.
pub(crate) struct UnderWay<'a>(&'a Shared);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended += 1;
        if state.wanted >= state.ended {
            self.0.wake.notify_one();
        }
    }
}

impl Disk {
    /// Syncs the log at `path`, which must exist.
    ///
    /// # Errors
    /// The log cannot be opened, or there can be no thread.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let log = File::open(path)?;
        let (sender, synced) = watch::channel(0);
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        thread::Builder::new().name("sync".to_owned()).spawn(move || for_thread.run(&log, &sender))?;
        Ok(Self { shared, synced })
    }

    /// Counts a transaction that is about to be committed. The caller holds the lock of the database.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.shared.begun.fetch_add(1, Ordering::SeqCst);
        UnderWay(&self.shared)
    }

    /// Waits until everything that can be read now is on disk.
    pub(crate) async fn synced(&self) {
        let last = self.shared.begun.load(Ordering::SeqCst);
        let mut synced = self.synced.clone();
        if *synced.borrow_and_update() >= last {
            return;
        }
        self.shared.want(last);
        // The sender lives as long as the thread, which ends after this value only.
        let _ = synced.wait_for(|synced| *synced >= last).await;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self, last: u64) {
        let mut state = self.state();
        if state.wanted < last {
            state.wanted = last;
            self.wake.notify_one();
        }
    }

    fn run(&self, log: &File, synced: &watch::Sender<u64>) {
        let mut done = 0;
        loop {
            let mut state = self.state();
            while state.wanted <= done || state.ended <= done {
                if state.is_over {
                    return;
                }
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // What ends while the disk works waits for the next time.
            done = state.ended;
            drop(state);
            if let Err(error) = log.sync_data() {
                // After a failed sync nobody can know what is on disk; a second try may succeed and mean nothing. What
                // was not synced was not answered, and the log is read anew at the next start.
                eprintln!("the disk does not take what was written: {error}; stopping");
                process::abort();
            }
            synced.send_replace(done);
        }
    }
}
